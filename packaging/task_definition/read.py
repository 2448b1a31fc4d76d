"""Task definitions out of files: as the AWS CLI takes them, as CloudFormation templates, as documents show them."""
import json
import pathlib

from task_definition import cloudformation
from task_definition.cloudformation import Definition
from task_definition.task import mentions_taskdns


def text_of(file):
    """Of a file; ValueError says what else it is."""
    if pathlib.Path(file).name.endswith((".tf", ".tf.json")):
        raise ValueError("Terraform is not read: give the JSON that it fills in (such as packaging/ecs/managed.json), or what "
                         "jsonencode() makes of the definition")
    try:
        return pathlib.Path(file).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (octet {error.start + 1})") from error
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error


def definitions_of(text):
    """[Definition]; ValueError says why there is none."""
    try:
        return found_in(text)
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error


def found_in(text):
    if text.lstrip().startswith("{"):
        try:
            tree = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"line {error.lineno}, column {error.colno}: {error.msg}") from error
        if "Resources" not in tree:
            return [Definition("", tree)]
    else:
        tree = cloudformation.template_of(text)
    found = [one for one in cloudformation.definitions_in(tree) if mentions_taskdns(one.raw)]
    if not found:
        raise ValueError("no task definition with taskdns in it: neither JSON with containerDefinitions, nor a CloudFormation "
                         f"template with a resource of type {cloudformation.TYPE} that mentions it")
    return found
