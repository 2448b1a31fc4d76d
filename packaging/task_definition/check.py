"""All rules together."""
from task_definition import ecs_rules, service_model, taskdns_rules
from task_definition.daemon import Binary
from task_definition.findings import Findings
from task_definition.task import Task, placeholders


def check(raw, taskdns=None):
    """Findings about one definition. `taskdns` is the path of the program, or None."""
    findings = Findings()
    service_model.check(raw, findings)
    if findings.mistakes:
        return findings  # the rules below take the shape for granted
    task = Task(raw)
    ecs_rules.check(task, findings)
    taskdns_rules.check(task, Binary(taskdns) if taskdns else None, findings)
    names = sorted({name for place, found in placeholders(raw) for name in found if not taskdns_reads(place)})
    if names:
        findings.note("to fill in", ", ".join(names))
    return findings


def taskdns_reads(place):
    """In values of variables and in command lines ${} may be meant so: it is expanded later."""
    return place.endswith((".value", "]"))
