"""The sidecar's health check, as ECS runs it, and the time that it takes."""
import difflib

from task_definition.daemon import ports_of
from task_definition.task import whole

INTERVAL_SECONDS = 5
DEFAULT_INTERVAL_SECONDS = 30
CHECKS_TO_HEALTHY = 2  # /readyz is 200 after 5 s at most: the first check, after one interval, may come too soon
RIGHT = '["CMD", "/taskdns", "healthcheck"]'


def check(sidecar, binary, settings, findings):
    """`settings` is None where nobody knows them."""
    health = sidecar.get("healthCheck")
    if not health:
        findings.mistake(sidecar.at("healthCheck"), f'is missing (ECS ignores the image\'s own): set {{"command": {RIGHT}, '
                                                    f'"interval": {INTERVAL_SECONDS}}}')
        return
    command = [str(word) for word in health.get("command") or []]
    wrong = what_is_wrong(command, sidecar, binary) or (settings and what_does_not_listen(command, settings))
    if wrong:
        findings.mistake(sidecar.at("healthCheck.command"), wrong)
    check_times(sidecar, health, findings)


def what_is_wrong(command, sidecar, binary):
    if command[:1] in (["CMD-SHELL"], []):
        return f"begins with {command[0] if command else 'nothing'}; the image has no shell: {RIGHT}"
    if command[0] != "CMD":
        return f"begins with {command[0]}; ECS wants CMD in front: {RIGHT}"
    if sidecar.argv and command[1:2] != sidecar.argv[:1]:
        return f"runs {command[1] if command[1:] else 'nothing'}, but the container's program is {sidecar.argv[0]}"
    if command[2:3] != ["healthcheck"]:
        near = difflib.get_close_matches(command[2] if command[2:] else "", ["healthcheck"])
        return f"is not {RIGHT}" + (f": did you mean healthcheck instead of {command[2]}?" if near else "")
    unknown = binary.unknown_word(command[2:]) if binary else None
    if unknown:
        return f"taskdns does not know '{unknown[0]}' there (it knows {', '.join(unknown[1])})"
    return None


def what_does_not_listen(command, settings):
    if not settings.http_ports:
        return "asks HTTP, but listen.http is empty: nobody would answer"
    for port in ports_of(asked_at(command), 8053):
        if port not in settings.http_ports:
            return f"asks port {port}, but listen.http is on {', '.join(map(str, settings.http_ports))}: leave --http out"
    return None


def asked_at(command):
    """The values of --http."""
    separate = [value for option, value in zip(command, command[1:]) if option == "--http"]
    return separate + [word.split("=", 1)[1] for word in command if word.startswith("--http=")]


def check_times(sidecar, health, findings):
    interval = health.get("interval", DEFAULT_INTERVAL_SECONDS)
    if whole(interval) is None:
        return  # only the stack knows
    if interval != INTERVAL_SECONDS:
        default = "" if "interval" in health else " (the default)"
        findings.mistake(sidecar.at("healthCheck.interval"), f"is {interval}{default}; the application waits for it to start: set "
                                                             f"{INTERVAL_SECONDS}")
    start, needed = whole(sidecar.get("startTimeout")), CHECKS_TO_HEALTHY * interval
    if start is not None and start < needed:
        findings.mistake(sidecar.at("startTimeout"), f"is {start} s, but HEALTHY may take {needed} s (a check every {interval} s, of "
                                                     f"which the first may come too soon), and then the task ends: set 60")
