"""As a script does it: a command for each request, which prints the address that answered.

Usage: follow_command.py NAME PORT TRIES LIFE SCRIPT   (for sh, with NAME, PORT and TRIES: "1 2 3" in its variables)
Prints as README.md says.
"""
import os
import subprocess
import sys
import time


def main():
    name, port, tries, _, script = sys.argv[1:]
    environment = {**os.environ, "NAME": name, "PORT": port, "TRIES": " ".join(map(str, range(1, int(tries) + 1)))}
    while True:
        began, clock = time.time(), time.monotonic()
        done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, check=False)
        took = time.monotonic() - clock
        outcome = f"error {done.returncode} {done.stderr.strip()}" if done.returncode else f"ok {done.stdout.strip()}"
        print(f"{began:.3f} {took:.3f} {outcome}".replace("\n", " "), flush=True)
        time.sleep(0.1)


main()
