"""As an application in Python does it with asyncio: aiohttp, with a session whose connections do not live long.

Usage: follow_aiohttp.py NAME PORT TRIES LIFE   (seconds; 0: a connection for each request); prints as README.md says
"""
import asyncio
import sys
import time

# recipe
import aiohttp


def new_session(life):
    """aiohttp keeps connections for as long as they are used, so each session serves only for so many seconds."""
    connector = aiohttp.TCPConnector(use_dns_cache=False, force_close=life == 0)  # else names are kept for 10 s
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=2, sock_connect=1))


# end of recipe


async def request(session, url, tries):
    for left in range(tries, 0, -1):
        try:
            async with session.get(url) as response:
                return "ok " + (await response.text()).strip()
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            outcome = f"error {type(error).__name__} {error}"
            if left > 1:
                await asyncio.sleep(0.1)
    return outcome


async def main():
    url, tries, life = f"http://{sys.argv[1]}:{sys.argv[2]}/", int(sys.argv[3]), float(sys.argv[4])
    while True:
        async with new_session(life) as session:
            born = time.monotonic()
            while life == 0 or time.monotonic() - born < life:
                began, clock = time.time(), time.monotonic()
                text = await request(session, url, tries)
                print(f"{began:.3f} {time.monotonic() - clock:.3f} {text}", flush=True)
                await asyncio.sleep(0.1)


asyncio.run(main())
