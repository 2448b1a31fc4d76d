"""What the ECS API takes: botocore's own description of RegisterTaskDefinition, read without a network."""
import functools


import botocore.session
import botocore.validate


@functools.cache
def request_shape():
    return botocore.session.get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition").input_shape


def check(raw, findings):
    shape = request_shape()
    report = botocore.validate.ParamValidator().validate(raw, shape)
    for line in report.generate_report().splitlines():
        findings.mistake("RegisterTaskDefinition", line)
    for place, value, known in words_not_known(raw, shape, ""):
        findings.mistake(place, f"'{value}' is not one of {', '.join(known)}")


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
