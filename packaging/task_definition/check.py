"""All rules together."""
import copy

from task_definition import ecs_rules, fargate_rules, service_model, taskdns_rules, word_rules
from task_definition.daemon import Binary
from task_definition.findings import Findings
from task_definition.service_model import PLACEHOLDER
from task_definition.task import Task, placeholders


def check(raw, taskdns=None, stand_ins=None):
    """Findings about one definition. `taskdns` is the path of the program, or None; `stand_ins` are a template's."""
    findings = Findings()
    stand_ins = stand_ins or {}
    service_model.check(raw, stand_ins, findings)
    if findings.mistakes:
        return findings  # the rules below take the shape for granted
    task = Task(with_stand_ins(raw, stand_ins), stand_ins)
    word_rules.check(task, findings)
    ecs_rules.check(task, findings)
    if task.is_fargate:
        fargate_rules.check(task, findings)
    taskdns_rules.check(task, Binary(taskdns) if taskdns else None, findings)
    names = {name for place, found in placeholders(raw) for name in found if not taskdns_reads(place)}
    for kind, some in [("to fill in", names - set(stand_ins)), ("known to the stack only", names & set(stand_ins))]:
        if some:
            findings.note(kind, ", ".join(sorted(some)))
    return findings


def check_definition(definition, taskdns=None):
    """The same for one of read.definitions_of()."""
    findings = Findings()
    for place, text in definition.undeclared:
        if definition.has_transform:
            findings.note(place, f"{text}; or the template's Transform makes it")
        else:
            findings.mistake(place, text)
    return findings if findings.mistakes else findings.followed_by(check(definition.raw, taskdns, definition.stand_ins))


def taskdns_reads(place):
    """In values of variables and in command lines ${} may be meant so: it is expanded later."""
    return place.endswith((".value", "]"))


def with_stand_ins(raw, stand_ins):
    """What programs read gets texts in the place of what only the stack knows: ${} would be something else to them."""
    if not stand_ins:
        return raw

    def filled(value):
        if isinstance(value, list):
            return [filled(inner) for inner in value]
        return PLACEHOLDER.sub(lambda match: stand_ins.get(match[1], match[0]), value) if isinstance(value, str) else value

    copied = copy.deepcopy(raw)
    for container in copied.get("containerDefinitions") or []:
        for pair in container.get("environment") or []:
            pair["value"] = filled(pair.get("value", ""))
        for holder, key in [(container, "command"), (container, "entryPoint"), (container.get("healthCheck"), "command")]:
            if holder and key in holder:
                holder[key] = filled(holder[key])
    return copied
