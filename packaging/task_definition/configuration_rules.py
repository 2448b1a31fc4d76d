"""What containers say to taskdns: variables, command lines, and the configuration, which the program itself reads."""
import difflib
import re

from task_definition.daemon import VARIABLES, services_of_list, settings_of
from task_definition.task import Role

WHOLE = ("TASKDNS_CONFIG_CONTENT", "TASKDNS_SERVICES")


def check(task, container, binary, findings):
    """Of a container of taskdns. Whether its configuration is known, and right as far as that was looked at."""
    unknown = binary.unknown_word(container.taskdns_words) if binary else None
    if unknown:
        findings.mistake(container.at("command"), f"taskdns does not know '{unknown[0]}' (it knows {', '.join(unknown[1])})")
    check_names(container, findings)
    check_services_said_twice(container, findings)
    place = container.at("environment")
    elsewhere = {str(one.get("name")) for one in container.get("secrets", [])}
    elsewhere |= {name for name in WHOLE if container.environment.get(name) in task.stand_ins.values()}
    if container.get("environmentFiles") or elsewhere & set(WHOLE):
        findings.note(place, "a part of the configuration comes from elsewhere and is not checked here")
        return False
    if any(word in ("-c", "--config") or word.startswith("--config=") for word in container.taskdns_words or []):
        findings.note(container.at("command"), "the configuration file is not checked here: taskdns check-config FILE")
        return False
    if container.role is not Role.SIDECAR and not any(name.startswith("TASKDNS_") for name in container.environment):
        return True  # it goes by the defaults
    if binary is None:
        findings.note(place, "the configuration is not checked: give the program with --taskdns PATH")
        return True
    mistakes, notes = binary.complaints(container.environment)
    for line in mistakes:
        if is_about(task.stand_ins.values(), line, container.environment):
            findings.note(place, f"only the stack knows a value here, so this is not checked: {line}")
        else:
            findings.mistake(place, line)
    for line in notes:
        findings.note(place, line)
    return not mistakes


def is_about(stand_ins, line, environment):
    """Whether a complaint is about a text that only stands in for a value: it quotes it, or names its place."""
    at = re.match(r"(TASKDNS_\w+):(\d+):(\d+): ", line)
    lines = environment.get(at[1], "").encode(errors="replace").split(b"\n")[int(at[2]) - 1:] if at else []
    there = lines[0][int(at[3]) - 1:].decode(errors="replace") if lines else ""
    return any(word in line or there.startswith(word) for word in stand_ins)


def names_of(container):
    return [str(pair.get("name")) for pair in [*container.get("environment", []), *container.get("secrets", [])]]


def suggested(name):
    near = difflib.get_close_matches(name, VARIABLES, 1)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(VARIABLES)}"


def looks_like_ours(name):
    return re.sub(r"[_-]", "", name.upper()).startswith("TASKDNS")


def check_names(container, findings):
    place, names = container.at("environment"), names_of(container)
    variables = [str(pair.get("name")) for pair in container.get("environment", [])]
    for name in sorted({name for name in variables if variables.count(name) > 1}):
        findings.mistake(place, f"{name} is there twice")
    for name in names:
        if name.startswith("TASKDNS_") and name not in VARIABLES:
            findings.mistake(place, f"{name} is not a variable of taskdns ({suggested(name)})")
        elif looks_like_ours(name) and name not in VARIABLES:
            findings.note(place, f"{name} is not read by taskdns ({suggested(name)})")


def check_other(container, sidecar, findings):
    """Of a container without taskdns: a variable that was meant for it does nothing there."""
    for name in names_of(container):
        if looks_like_ours(name):
            findings.note(container.at("environment"), f"{name} does nothing here: taskdns runs in '{sidecar.name}'")


def check_services_said_twice(container, findings):
    key = lambda service: str(service.get("name")).lower().rstrip(".")  # noqa: E731
    written = {key(one): one for one in settings_of(container.environment).services}
    for service in services_of_list(container.environment.get("TASKDNS_SERVICES", "")):
        other = written.get(key(service), service)
        lost = sorted(name for name in other if name != "name" and other[name] != service.get(name))
        if lost:
            findings.note(container.at("environment"), f"{service['name']} is in both: TASKDNS_SERVICES replaces it as a whole, so its "
                                                       f"{', '.join(lost)} in TASKDNS_CONFIG_CONTENT do nothing")
