#!/usr/bin/env python3
"""Makes the screenshots of docs/status-page.md from a real daemon. Usage: screenshots.py BINARY FOLDER

A service that is well, one with an endpoint that refuses, one that the registry does not know; an application with
open connections, and questions in between.
"""
import contextlib
import pathlib
import socket
import sys
import time

import devtools
import world

ADDRESSES = [f"127.0.1.{n}" for n in (10, 11, 12, 13)]
OTHERS = [f"127.0.2.{n}" for n in (20, 21, 22)]
SHOTS = [("desktop-light", 1280, 900, False), ("desktop-dark", 1280, 900, True),
         ("phone-light", 390, 844, False), ("phone-dark", 390, 844, True)]


def connect(endpoints, port):
    """Connections of an application that has asked and been answered."""
    connections = []
    for address in endpoints:
        connection = socket.create_connection((address, port))
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.recv(4096)
        connections.append(connection)
    return connections


def main():
    binary, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    chromium = devtools.find_chromium()
    if chromium is None:
        print("screenshots: there is no Chromium here (packaging/install_dependencies.sh clients)", file=sys.stderr)
        return 77
    port = world.free_port(ADDRESSES + OTHERS)
    endpoints = {address: world.Endpoint(address, port) for address in ADDRESSES + OTHERS}
    registry = world.Registry({"resource-server.local": ADDRESSES, "orders.local": OTHERS})
    yaml = f"""
defaults: {{port: {port}}}
services:
  - {{name: resource-server.local, aliases: [resource-server]}}
  - {{name: orders.local}}
  - {{name: payments.local, required: false}}
"""
    with contextlib.ExitStack() as stack:
        daemon = stack.enter_context(world.Daemon(binary, yaml, registry))
        held = connect(ADDRESSES * 3 + OTHERS, port)
        for _ in range(37):
            daemon.ask("resource-server.local")
            daemon.ask("orders.local")
        endpoints[OTHERS[1]].kill()
        time.sleep(6)
        browser = stack.enter_context(devtools.Chromium(chromium))
        for name, width, height, dark in SHOTS:
            page = browser.new_page(width, height, dark, mobile=width < 500)
            page.go(daemon.url + "/")
            page.wait_for("document.getElementById('live').dataset.state === 'live'")
            page.run("scrollTo(0, 0)")
            path = folder / f"status-page-{name}.png"
            page.screenshot(path)
            print(f"{path}: {path.stat().st_size} octets")
    for connection in held:
        connection.close()
    registry.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
