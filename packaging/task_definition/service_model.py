"""What the ECS API takes: botocore's own description of RegisterTaskDefinition, read without a network."""
import functools
import re

import botocore.session
import botocore.validate

PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
NUMBERS = ("integer", "long", "float", "double")


@functools.cache
def request_shape():
    return botocore.session.get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition").input_shape


def check(raw, stand_ins, findings):
    """`stand_ins` names what only a stack knows: it may be what the place wants."""
    shape = request_shape()
    known = converted(raw, shape, functools.partial(of_the_right_kind, stand_ins))
    report = botocore.validate.ParamValidator().validate(known, shape)
    for line in report.generate_report().splitlines():
        findings.mistake("RegisterTaskDefinition", line)
    for place, value, words in words_not_known(known, shape, ""):
        findings.mistake(place, f"'{value}' is not one of {', '.join(words)}")


def coerced(raw):
    """As CloudFormation does: "64" is a number where one is wanted, "false" a boolean, 256 a text."""
    return converted(raw, request_shape(), of_the_same_meaning)


def converted(value, shape, leaf):
    """With each value that is no structure, list or map of its shape replaced by leaf(value, shape)."""
    if shape.type_name == "structure" and isinstance(value, dict):
        return {key: converted(inner, shape.members[key], leaf) if key in shape.members else inner for key, inner in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [converted(inner, shape.member, leaf) for inner in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: converted(inner, shape.value, leaf) for key, inner in value.items()}
    return leaf(value, shape)


def of_the_same_meaning(value, shape):
    if shape.type_name == "string" and isinstance(value, (bool, int, float)):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if shape.type_name == "boolean" and str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    if shape.type_name in NUMBERS and isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    if shape.type_name == "list" and isinstance(value, str) and PLACEHOLDER.fullmatch(value):
        return []  # a list that only the stack knows
    return value


def of_the_right_kind(stand_ins, value, shape):
    match = PLACEHOLDER.fullmatch(value) if isinstance(value, str) else None
    if not match or match[1] not in stand_ins:
        return value
    if shape.type_name in NUMBERS:
        return 1
    if shape.type_name == "boolean":
        return True
    return (getattr(shape, "enum", None) or [value])[0]


def words_not_known(value, shape, place):
    """botocore leaves the words of enumerations to the service."""
    if shape.type_name == "structure" and isinstance(value, dict):
        for key, inner in value.items():
            if key in shape.members:
                yield from words_not_known(inner, shape.members[key], f"{place}.{key}" if place else key)
    elif shape.type_name == "list" and isinstance(value, list):
        for i, inner in enumerate(value):
            yield from words_not_known(inner, shape.member, f"{place}[{i}]")
    elif shape.type_name == "string" and isinstance(value, str):
        known = getattr(shape, "enum", None)
        if known and value not in known:
            yield place, value, known
