"""Task definitions out of files: as the AWS CLI takes them, as CloudFormation templates, as documents show them."""
import json
import re

import yaml

TYPE = "AWS::ECS::TaskDefinition"
# Their keys are the user's own words; everything else in CloudFormation is the API's name with a large first letter.
MAPS = {"Options", "DockerLabels", "DriverOpts", "Labels"}


def definitions_of(text):
    """[(what names it within the file, the definition as RegisterTaskDefinition takes it)]"""
    if text.lstrip().startswith("{"):
        try:
            tree = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"line {error.lineno}, column {error.colno}: {error.msg}") from error
        if "Resources" not in tree:
            return [("", tree)]
    else:
        tree = template_of(text)
    found = [(f" ({name})", definition) for name, definition in of_template(tree) if mentions_taskdns(definition)]
    if not found:
        raise ValueError("no task definition with taskdns in it: neither JSON with containerDefinitions, nor a CloudFormation "
                         f"template with a resource of type {TYPE} that mentions it")
    return found


def mentions_taskdns(definition):
    return "taskdns" in json.dumps(definition).lower()


class TemplateLoader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Sub x` is {"Fn::Sub": x}."""


def short_form(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


TemplateLoader.add_multi_constructor("!", short_form)


def template_of(text):
    try:
        tree = yaml.load(text, Loader=TemplateLoader)  # a SafeLoader with tags that make plain values
    except yaml.YAMLError as error:
        raise ValueError(str(error).replace("\n", " ")) from error
    if not isinstance(tree, dict):
        raise ValueError("is neither a JSON object nor a CloudFormation template")
    return tree


def of_template(tree):
    resources = tree.get("Resources") or {}
    for name, resource in resources.items():
        if isinstance(resource, dict) and resource.get("Type") == TYPE:
            yield name, as_api(resolved(resource.get("Properties") or {}, tree))


def resolved(value, tree):
    """Parameters by their defaults; what only the stack knows as ${Name}, a placeholder."""
    if isinstance(value, list):
        return [resolved(inner, tree) for inner in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(function, argument)] = value.items()
        if function == "Ref":
            return parameter(argument, tree)
        if function == "Fn::GetAtt":
            return "${%s}" % "_".join(argument)
        if function == "Fn::Sub":
            text, own = argument if isinstance(argument, list) else (argument, {})
            known = {key: str(resolved(inner, tree)) for key, inner in own.items()}
            return re.sub(r"\$\{([^!}]+)\}", lambda match: known.get(match[1]) or str(parameter(match[1], tree)), text)
        if function == "Fn::If":
            return resolved(argument[1], tree)
    return {key: resolved(inner, tree) for key, inner in value.items()}


def parameter(name, tree):
    default = ((tree.get("Parameters") or {}).get(name) or {}).get("Default")
    return "${%s}" % re.sub(r"\W+", "_", name) if default in (None, "") else default


def as_api(value, key=""):
    if isinstance(value, list):
        return [as_api(inner) for inner in value]
    if isinstance(value, dict):
        small = (lambda word: word) if key in MAPS else (lambda word: word[:1].lower() + word[1:])
        return {small(inner_key): as_api(inner, inner_key) for inner_key, inner in value.items()}
    return value
