"""As an application with libcurl does it: one handle for all requests.

Usage: follow_libcurl.py NAME PORT TRIES LIFE   (seconds; 0: a connection for each request); prints as README.md says
"""
import io
import sys
import time

# recipe
import pycurl


def new_handle(life):
    """The connections of the handle serve for so many seconds; names are not kept for 60 s, but asked for each."""
    handle = pycurl.Curl()
    handle.setopt(pycurl.DNS_CACHE_TIMEOUT, 0)
    handle.setopt(getattr(pycurl, "MAXLIFETIME_CONN", 314), life)  # CURLOPT_MAXLIFETIME_CONN, from 7.80 on
    handle.setopt(pycurl.CONNECTTIMEOUT_MS, 1000)
    handle.setopt(pycurl.TIMEOUT_MS, 2000)
    return handle


# end of recipe


def request(handle, url, tries):
    for left in range(tries, 0, -1):
        body = io.BytesIO()
        handle.setopt(pycurl.URL, url)
        handle.setopt(pycurl.WRITEDATA, body)
        try:
            handle.perform()
            return "ok " + body.getvalue().decode().strip()
        except pycurl.error as error:
            outcome = f"error {error.args}"
            if left > 1:
                time.sleep(0.1)
    return outcome


def main():
    url, tries, life = f"http://{sys.argv[1]}:{sys.argv[2]}/", int(sys.argv[3]), int(sys.argv[4])
    handle = new_handle(life)
    handle.setopt(pycurl.FORBID_REUSE, life == 0)
    while True:
        began, clock = time.time(), time.monotonic()
        text = request(handle, url, tries)
        print(f"{began:.3f} {time.monotonic() - clock:.3f} {text}", flush=True)
        time.sleep(0.1)


main()
