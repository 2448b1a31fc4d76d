#!/usr/bin/env python3
"""The status page in headless Chromium, over the real daemon. Usage: status_page_test.py BINARY [TEST...] | --check

Exit status 77 (skipped) where there is no Chromium, or only as a snap; --check does no more than look for it.
TASKDNS_BINARY is another binary, as for the other tests.
"""
import os
import re
import sys
import time
import unittest

import devtools
import world

ADDRESSES = ["127.0.0.11", "127.0.0.12", "127.0.0.13", "127.0.0.14"]
SERVICE = "resource-server.local"

# The least contrast of any text with what is behind it (WCAG 2.2, 1.4.3), and where.
CONTRAST = r"""(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const rgba = text => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const behind = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(rgba(getComputedStyle(e).backgroundColor));
    const dark = matchMedia('(prefers-color-scheme: dark)').matches;
    return layers.reverse().reduce((below, layer) => over(layer, below), dark ? [0, 0, 0, 1] : [255, 255, 255, 1]);
  };
  const luminance = c => [0.2126, 0.7152, 0.0722].reduce((sum, k, i) => {
    const v = c[i] / 255;
    return sum + k * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  }, 0);
  let least = { ratio: 21, text: '' };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest('script, noscript')) continue;
    const background = behind(element);
    const [a, b] = [luminance(over(rgba(getComputedStyle(element).color), background)), luminance(background)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < least.ratio) least = { ratio, text: walker.currentNode.data.trim() };
  }
  return least;
})()"""


def row(address, port):
    return f"document.querySelector('details.service tr[data-key=\"{address}:{port}\"]')"


class StatusPage(unittest.TestCase):
    def setUp(self):
        self.port = world.free_port(ADDRESSES)
        self.endpoints = {address: world.Endpoint(address, self.port) for address in ADDRESSES}
        self.daemon = self.enterContext(world.Daemon(BINARY, f"""
services:
  - name: {SERVICE}
    source: static
    addresses: [{", ".join(ADDRESSES)}]
    port: {self.port}
    health: {{interval: 500ms, timeout: 400ms, idle_interval: 500ms, fast_interval: 100ms}}
  - {{name: other.local, source: static, addresses: [127.0.0.11], port: {self.port}}}
"""))
        self.browser = self.enterContext(devtools.Chromium(CHROMIUM))
        self.addCleanup(lambda: [endpoint.kill() for endpoint in self.endpoints.values() if endpoint.listener.fileno() >= 0])

    def enterContext(self, context):  # of Python 3.11
        value = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return value

    def open(self, **options):
        page = self.browser.new_page(**options)
        page.go(self.daemon.url + "/")
        return page

    def cell(self, page, address, name):
        return page.run(f"{row(address, self.port)}.querySelector('td.{name}').textContent")

    def expect_own_and_silent(self, page):
        """Nothing has been asked of anybody else, nothing was forbidden, and nothing went wrong."""
        page.take_events()
        asked = {e["params"]["request"]["url"] for e in page.events if e["method"] == "Network.requestWillBeSent"}
        strange = [url for url in asked if not url.startswith((self.daemon.url + "/", "data:"))]
        self.assertEqual(strange, [], "requests that leave the origin")
        self.assertIn(self.daemon.url + "/", asked)
        bad = [e["params"] for e in page.events if e["method"] in ("Runtime.exceptionThrown", "Log.entryAdded")]
        bad += [e["params"] for e in page.events
                if e["method"] == "Runtime.consoleAPICalled" and e["params"]["type"] in ("error", "warning")]
        self.assertEqual(bad, [])

    def test_a_killed_endpoint_is_seen_without_reload(self):
        page = self.open()
        page.run("window.same_page = true")
        self.assertIn("All well", page.run("document.getElementById('headline').textContent"))
        self.assertTrue(page.wait_for("document.getElementById('live').textContent === '● live'"))
        self.assertEqual(self.cell(page, "127.0.0.12", "st"), "✓ healthy, served")
        page.take_events()
        before = len(page.events)
        began = time.monotonic()
        self.endpoints["127.0.0.12"].kill()
        self.assertTrue(page.wait_for(f"{row('127.0.0.12', self.port)}.classList.contains('warning')", 6))
        print(f"seen after {1000 * (time.monotonic() - began):.0f} ms", file=sys.stderr)
        page.take_events()
        told = [e for e in page.events[before:] if e["method"] == "Network.eventSourceMessageReceived"]
        self.assertIn("service", [e["params"]["eventName"] for e in told], "it was told, and has not only looked")
        self.assertEqual(self.cell(page, "127.0.0.12", "st"), "! unhealthy, not served")
        self.assertIn("connection refused", self.cell(page, "127.0.0.12", "why"))
        self.assertIn(f"127.0.0.12:{self.port}", page.run("document.getElementById('summary').textContent"))
        self.assertIn("warning", page.run("document.title") + page.run("document.getElementById('summary').className"))
        self.assertTrue(page.run(f"'new' in {row('127.0.0.12', self.port)}.dataset"), "what has changed is marked")
        self.assertFalse(page.run(f"'new' in {row('127.0.0.13', self.port)}.dataset"), "and nothing else")
        self.endpoints["127.0.0.12"].start()
        self.assertTrue(page.wait_for(f"{row('127.0.0.12', self.port)}.classList.contains('well')", 6))
        self.assertIn("All well", page.run("document.getElementById('headline').textContent"))
        self.assertTrue(page.run("window.same_page"), "it was not loaded anew")
        self.expect_own_and_silent(page)

    def test_the_rotation_moves(self):
        page = self.open()
        answers = "document.querySelector('details.service .rotation b').textContent"
        first = "document.querySelector('details.service .rotation li').textContent"
        before = (page.run(answers), page.run(first))
        self.daemon.ask(SERVICE)
        self.assertTrue(page.wait_for(f"{answers} === '{int(before[0]) + 1}' && {first} !== '{before[1]}'", 6))

    def test_nothing_is_lost_when_it_is_drawn_anew(self):
        page = self.open()
        page.run("""(() => {
            const filter = document.getElementById('filter');
            filter.focus();
            filter.value = '127.0.0.12';
            filter.dispatchEvent(new Event('input'));
            document.querySelector('#words').open = true;
            document.querySelector('details.service[data-key="s-other.local"] summary').click();
            scrollTo(0, 120);
        })()""")
        where = "Math.round(document.getElementById('filter').getBoundingClientRect().top)"
        before = page.run(where)
        self.endpoints["127.0.0.12"].kill()
        self.assertTrue(page.wait_for(f"{row('127.0.0.12', self.port)}.classList.contains('warning')", 6))
        self.assertEqual(page.run("document.activeElement.id"), "filter")
        self.assertEqual(page.run(where), before, "what one reads stays where it is, whatever comes above it")
        self.assertTrue(page.run("document.querySelector('#words').open"))
        self.assertFalse(page.run("document.querySelector('details.service[data-key=\"s-other.local\"]').open"))
        shown = f"[...document.querySelectorAll('details.service:not([hidden]) tbody tr:not([hidden])')].map(r => r.dataset.key)"
        self.assertEqual(page.run(shown), [f"127.0.0.12:{self.port}"])
        self.assertEqual(page.run("document.getElementById('found').textContent"), "1 of 5 endpoints")

    def test_the_filter_finds_services_states_and_reasons(self):
        self.endpoints["127.0.0.13"].kill()
        page = self.open()
        self.assertTrue(page.wait_for(f"{row('127.0.0.13', self.port)}.classList.contains('warning')", 6))
        def shown_by(words):
            page.run(f"document.getElementById('filter').value = '{words}';"
                     "document.getElementById('filter').dispatchEvent(new Event('input'))")
            return page.run("[...document.querySelectorAll('details.service:not([hidden])')].map(s => s.dataset.key.slice(2)"
                            " + ' ' + s.querySelectorAll('tbody tr:not([hidden])').length)")
        self.assertEqual(shown_by("OTHER.local"), ["other.local 1"])
        self.assertEqual(shown_by("unhealthy"), [f"{SERVICE} 1"])
        self.assertEqual(shown_by("refused resource"), [f"{SERVICE} 1"])
        self.assertEqual(shown_by("127.0.0.11"), [f"{SERVICE} 1", "other.local 1"])
        self.assertEqual(shown_by("nonsense"), [])
        self.assertEqual(shown_by(""), [f"{SERVICE} 4", "other.local 1"])

    def test_it_says_when_the_daemon_is_gone_and_when_it_is_back(self):
        page = self.open()
        state = "document.getElementById('live').dataset.state"
        self.assertTrue(page.wait_for(f"{state} === 'live'"))
        self.daemon.stop()
        self.assertTrue(page.wait_for(f"{state} === 'reconnecting'", 6))
        self.assertIn("this is from", page.run("document.getElementById('live').textContent"))
        page.take_events()
        begin = len(page.events)
        time.sleep(6)
        page.take_events()
        tries = [e for e in page.events[begin:] if e["method"] == "Network.requestWillBeSent"]
        self.assertLess(len(tries), 6, "it backs off")
        self.daemon.start()
        self.assertTrue(page.wait_for(f"{state} === 'live'", 20))

    def test_it_asks_nothing_while_nobody_looks(self):
        page = self.open()
        self.assertTrue(page.wait_for("document.getElementById('live').dataset.state === 'live'"))
        for pause, resume in (("document.getElementById('pause').click()",) * 2,
                              ("Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
                               "document.dispatchEvent(new Event('visibilitychange'))",
                               "delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")):
            page.run(pause)
            self.assertEqual(page.run("document.getElementById('live').dataset.state"), "stopped")
            time.sleep(0.5)  # what was under way
            page.take_events()
            begin = len(page.events)
            time.sleep(3)
            page.take_events()
            self.assertEqual([e for e in page.events[begin:] if e["method"] == "Network.requestWillBeSent"], [])
            page.run(resume)
            self.assertTrue(page.wait_for("document.getElementById('live').dataset.state === 'live'"))

    def test_it_can_be_read_without_javascript(self):
        page = self.open(width=360, height=800, javascript=False)
        text = page.call("DOM.getDocument", depth=-1)
        html = page.call("DOM.getOuterHTML", nodeId=text["root"]["nodeId"])["outerHTML"]
        for address in ADDRESSES:
            self.assertRegex(html, f'<th scope="row">{address}:{self.port}')
        self.assertRegex(html, r'<noscript><meta http-equiv="refresh" content="\d+"></noscript>')
        self.assertLessEqual(page.call("Page.getLayoutMetrics")["cssContentSize"]["width"], 360)
        self.expect_own_and_silent(page)

    def test_it_fits_a_phone(self):
        self.endpoints["127.0.0.14"].kill()
        for width in (360, 390, 800, 1280):
            page = self.open(width=width, height=800, mobile=width < 500)
            self.assertTrue(page.wait_for("document.getElementById('live').dataset.state === 'live'"))
            self.assertLessEqual(page.run("document.documentElement.scrollWidth"), width)
            wide = "[...document.querySelectorAll('#overview, #upstream, .inside')].some(e => e.scrollWidth > e.clientWidth)"
            self.assertFalse(page.run(wide), f"nothing scrolls sideways at {width} px")

    def test_it_has_contrast_in_both_colours(self):
        self.endpoints["127.0.0.14"].kill()
        for dark in (False, True):
            for width in (390, 1280):
                page = self.open(dark=dark, width=width, reduced_motion=True)
                self.assertTrue(page.wait_for("document.querySelector('tr.warning') !== null", 6))
                least = page.run(CONTRAST)
                self.assertGreaterEqual(least["ratio"], 4.5, least)

    def test_the_theme_is_remembered(self):
        page = self.open(dark=True)
        colour = "getComputedStyle(document.body).backgroundColor"
        dark = page.run(colour)
        page.run("document.getElementById('theme').click()")
        self.assertEqual(page.run("document.documentElement.dataset.theme"), "light")
        light = page.run(colour)
        self.assertNotEqual(dark, light)
        page.go(self.daemon.url + "/")
        self.assertEqual(page.run(colour), light)

    def test_a_screen_reader_is_told(self):
        for width in (390, 1280):
            page = self.open(width=width)

            def nodes(role):
                return [n.get("name", {}).get("value", "") for n in page.call("Accessibility.getFullAXTree")["nodes"]
                        if not n.get("ignored") and n.get("role", {}).get("value") == role]

            # Chromium makes its tree in its own time: on a busy machine the page is there before.
            self.wait_until(lambda: f"Endpoints of {SERVICE}" in nodes("table"), "the table has a name")
            self.wait_until(lambda: f"127.0.0.11:{self.port}" in " ".join(nodes("rowheader")), "a row is an endpoint's")
            self.wait_until(lambda: "Filter" in nodes("searchbox"), "the filter has a name")
            self.wait_until(lambda: len(nodes("main")) == 1, "there is one main part")
            self.wait_until(lambda: len(nodes("status")) >= 2, "the summary and what is live are told")

    def wait_until(self, holds, what, limit=15):
        deadline = time.monotonic() + limit
        while not holds():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.1)

    def test_the_policy_is_sent(self):
        status, headers, text = self.daemon.get("/")
        self.assertEqual(status, 200)
        policy = headers["Content-Security-Policy"]
        self.assertTrue(policy.startswith("default-src 'none';"), policy)
        nonce = re.search(r"script-src 'nonce-([A-Za-z0-9+/=_-]{16,})'", policy)[1]
        self.assertEqual(text.count(f'nonce="{nonce}"'), 2)
        self.assertNotIn(nonce, self.daemon.get("/")[1]["Content-Security-Policy"], "another one each time")
        self.assertLess(len(text.encode()), 60 * 1024)


if __name__ == "__main__":
    CHROMIUM = devtools.find_chromium()
    if CHROMIUM is None:
        print("status_page_test: skipped, the status page is not tried in a browser: there is no Chromium here, or only "
              "as a snap (packaging/install_dependencies.sh clients)")
        sys.exit(77)
    if sys.argv[1:] == ["--check"]:
        sys.exit(0)
    BINARY = os.environ.get("TASKDNS_BINARY") or sys.argv[1]
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
