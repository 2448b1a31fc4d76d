"""Headless Chromium, driven over the DevTools protocol through a pipe: nothing but Python's standard library.

Its profile is a temporary folder, it knows no name but localhost, and it ends with the `with` block, whatever happens.
"""
import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]


def find_chromium():
    """Path of a Chromium that is no snap (a snap sees neither our temporary folder nor our pipe); None if there is none."""
    for name in NAMES:
        path = shutil.which(name)
        if path and "/snap/" not in os.path.realpath(path):
            with open(path, "rb") as file:
                if b"snap" not in file.read(4096):
                    return path
    return None


class Chromium:
    def __init__(self, path):
        self.profile = tempfile.mkdtemp(prefix="taskdns-chromium-")
        self.path = path
        self.number = 0
        self.buffer = b""
        self.messages = []  # events that nobody has looked at yet

    def __enter__(self):
        ours, theirs = os.pipe(), os.pipe()  # we write to ours[1], and read from theirs[0]
        script = f'exec "$0" "$@" 3<&{ours[0]} 4>&{theirs[1]}'
        self.process = subprocess.Popen(
            ["/bin/bash", "-c", script, self.path, "--headless=new", "--remote-debugging-pipe",
             f"--user-data-dir={self.profile}", "--no-first-run", "--no-default-browser-check", "--disable-gpu",
             "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-default-apps", "--disable-extensions", "--disable-domain-reliability", "--no-pings",
             "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
             *(["--no-sandbox"] if os.geteuid() == 0 else []), "about:blank"],
            pass_fds=[ours[0], theirs[1]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(ours[0])
        os.close(theirs[1])
        self.to, self.of = ours[1], theirs[0]
        return self

    def __exit__(self, *_):
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                break
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                continue
        os.close(self.to)
        os.close(self.of)
        for _ in range(20):  # its children may still be writing there
            shutil.rmtree(self.profile, ignore_errors=True)
            if not os.path.exists(self.profile):
                break
            time.sleep(0.1)

    def read_message(self, deadline):
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.of], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                return None
            octets = os.read(self.of, 1 << 20)
            if not octets:
                raise RuntimeError("chromium has ended")
            self.buffer += octets
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def call(self, method, session=None, limit=30, **parameters):
        self.number += 1
        number = self.number
        message = {"id": number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        os.write(self.to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + limit
        while True:
            answer = self.read_message(deadline)
            if answer is None:
                raise TimeoutError(f"chromium has not answered {method} within {limit} s")
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            if "method" in answer:
                self.messages.append(answer)

    def new_page(self, width=1280, height=900, dark=False, javascript=True, mobile=False, reduced_motion=False):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Network", "Log", "Accessibility"):
            page.call(f"{domain}.enable")
        page.resize(width, height, mobile)
        page.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if reduced_motion else "no-preference"}])
        if not javascript:
            page.call("Emulation.setScriptExecutionDisabled", value=True)
        return page


class Page:
    def __init__(self, browser, session):
        self.browser = browser
        self.session = session
        self.events = []

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def resize(self, width, height, mobile=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def go(self, url, limit=15):
        self.call("Page.navigate", url=url)
        deadline = time.monotonic() + limit
        while not any(event["method"] == "Page.loadEventFired" for event in self.take_events()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{url} has not loaded within {limit} s")
            time.sleep(0.05)

    def take_events(self):
        """All events of this page so far; what is new since the last call is returned."""
        self.call("Runtime.getIsolateId")  # so that what has come is read
        new = [m for m in self.browser.messages if m.get("sessionId") == self.session]
        self.browser.messages = [m for m in self.browser.messages if m.get("sessionId") != self.session]
        self.events += new
        return new

    def run(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait_for(self, expression, limit=10):
        """True once the expression holds; False if it has not within `limit` seconds."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            if self.run(expression):
                return True
            time.sleep(0.05)
        return False

    def screenshot(self, path, whole=False):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
