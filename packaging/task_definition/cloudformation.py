"""Task definitions out of CloudFormation templates, as RegisterTaskDefinition takes them."""
import dataclasses
import difflib
import re

import yaml

from task_definition import service_model

TYPE = "AWS::ECS::TaskDefinition"
# Their keys are the user's own words; everything else in CloudFormation is the API's name with a large first letter.
MAPS = {"Options", "DockerLabels", "DriverOpts", "Labels"}
PSEUDO_PARAMETERS = ["AWS::AccountId", "AWS::NoValue", "AWS::NotificationARNs", "AWS::Partition", "AWS::Region", "AWS::StackId",
                     "AWS::StackName", "AWS::URLSuffix"]
NO_VALUE = object()  # the key that has it is left out
SOME_NUMBER = 4242


@dataclasses.dataclass
class Definition:
    name: str  # within its file
    raw: dict  # what only the stack knows is ${Name} in it
    stand_ins: dict = dataclasses.field(default_factory=dict)  # for each such Name a text that could be its value
    undeclared: list = dataclasses.field(default_factory=list)  # (place, text) of names that the template does not have
    has_transform: bool = False  # then a macro may declare them


class TemplateLoader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Sub x` is {"Fn::Sub": x}. Dates are texts."""


TemplateLoader.yaml_implicit_resolvers = {
    first: [pair for pair in resolvers if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def short_form(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
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


def definitions_in(tree):
    for name, resource in section(tree, "Resources").items():
        if isinstance(resource, dict) and resource.get("Type") == TYPE:
            values = Values(tree)
            raw = as_api(values.resolved(section(resource, "Properties"), ""))
            yield Definition(f" ({name})", service_model.coerced(raw), values.stand_ins, values.undeclared, "Transform" in tree)


def section(tree, name):
    found = tree.get(name)
    return found if isinstance(found, dict) else {}


class Values:
    """Parameters by their defaults; what only the stack knows as ${Name}, and a text that could stand there."""

    def __init__(self, tree):
        self.parameters = section(tree, "Parameters")
        self.names = [*self.parameters, *section(tree, "Resources")]
        self.conditions = list(section(tree, "Conditions"))
        self.stand_ins = {}
        self.undeclared = []

    def resolved(self, value, place):
        if isinstance(value, list):
            found = [self.resolved(inner, f"{place}[{i}]") for i, inner in enumerate(value)]
            return [inner for inner in found if inner is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(function, argument)] = value.items()
            if function == "Ref" or str(function).startswith("Fn::"):
                return self.called(function, argument, place)
        found = {str(key): self.resolved(inner, f"{place}.{small(str(key))}".lstrip(".")) for key, inner in value.items()}
        return {key: inner for key, inner in found.items() if inner is not NO_VALUE}

    def called(self, function, argument, place):
        if function == "Ref":
            return self.referred(str(argument), place)
        if function == "Fn::GetAtt":
            return self.attribute(".".join(map(str, argument)) if isinstance(argument, list) else str(argument), place)
        if function == "Fn::Sub":
            return self.substituted(argument, place)
        if function == "Fn::If" and isinstance(argument, list) and len(argument) == 3:
            self.declared(str(argument[0]), self.conditions, place)
            first, second = [self.resolved(one, place) for one in argument[1:]]
            return second if first is NO_VALUE else first
        if function == "Fn::Join" and isinstance(argument, list) and len(argument) == 2:
            parts = self.resolved(argument[1], place)
            if isinstance(parts, list):
                return str(argument[0]).join(map(str, parts))
        return self.unknown(str(function).replace("Fn::", ""))

    def referred(self, name, place):
        if name == "AWS::NoValue":
            return NO_VALUE
        parameter = section(self.parameters, name)
        # A parameter of the Parameter Store has its path there as its default, not its value.
        is_path = str(parameter.get("Type", "")).startswith("AWS::SSM::Parameter::Value")
        if parameter.get("Default") not in (None, "") and not is_path:
            return parameter["Default"]
        self.declared(name, [*self.names, *PSEUDO_PARAMETERS], place)
        return self.unknown(name, parameter)

    def attribute(self, text, place):
        self.declared(text.split(".")[0], self.names, place)
        return self.unknown(text)

    def substituted(self, argument, place):
        text, own = argument if isinstance(argument, list) and len(argument) == 2 else (argument, {})
        known = {key: self.resolved(inner, place) for key, inner in own.items()} if isinstance(own, dict) else {}

        def value_of(match):
            name = match[1].strip()
            if name.startswith("!"):
                return "${" + name[1:] + "}"  # meant so: the program's own
            if name in known:
                return str(known[name])
            return str(self.attribute(name, place) if "." in name else self.referred(name, place))

        return re.sub(r"\$\{([^}]+)\}", value_of, str(text))

    def unknown(self, name, parameter=None):
        parameter = parameter or {}
        word = re.sub(r"\W+", "_", name)
        allowed = parameter.get("AllowedValues")
        if allowed and isinstance(allowed, list):
            text = allowed[0]
        elif parameter.get("Type") == "Number":
            text = parameter.get("MinValue") or parameter.get("MaxValue") or SOME_NUMBER
        else:
            text = "unknown-" + word.lower().replace("_", "-")
        self.stand_ins[word] = str(text)
        return "${%s}" % word

    def declared(self, name, names, place):
        if name in names:
            return
        near = difflib.get_close_matches(name, names, 1)
        mend = f"did you mean {near[0]}?" if near else "a Parameter, a Resource or a pseudo parameter such as AWS::Region"
        self.undeclared.append((place, f"{name} is declared nowhere in the template ({mend})"))


def small(word):
    return word[:1].lower() + word[1:]


def as_api(value, key=""):
    if isinstance(value, list):
        return [as_api(inner) for inner in value]
    if isinstance(value, dict):
        return {inner_key if key in MAPS else small(inner_key): as_api(inner, inner_key) for inner_key, inner in value.items()}
    return value
