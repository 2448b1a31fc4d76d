"""As an application in Python does it: requests, with a session whose connections do not live long.

Usage: follow_requests.py NAME PORT TRIES LIFE   (seconds; 0: a connection for each request); prints as README.md says
"""
import sys
import time

# recipe
import requests
from urllib3.util.retry import Retry


class Session(requests.Session):
    """Its connections serve for so many seconds; requests that have no effect are tried so often."""

    def __init__(self, life, tries):
        super().__init__()
        self.mount("http://", requests.adapters.HTTPAdapter(max_retries=Retry(tries - 1, backoff_factor=0.1)))
        self.life, self.born = life, time.monotonic()

    def request(self, *arguments, **named):
        if time.monotonic() - self.born >= self.life:
            self.close()  # empties the pool; the next request opens anew
            self.born = time.monotonic()
        return super().request(*arguments, **named)


# session.get(url, timeout=(1, 1))
# end of recipe


def main():
    name, port, tries, life = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    session = Session(life, tries)
    while True:
        began, clock = time.time(), time.monotonic()
        try:
            text = "ok " + session.get(f"http://{name}:{port}/", timeout=(1, 1)).text.strip()
        except requests.RequestException as error:
            text = f"error {type(error).__name__} {error}"
        print(f"{began:.3f} {time.monotonic() - clock:.3f} {text}", flush=True)
        time.sleep(0.1)


main()
