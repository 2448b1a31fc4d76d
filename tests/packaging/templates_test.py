#!/usr/bin/env python3
"""What packaging/ and docs/ecs.md give to ECS users: right by the checker, clean by the linters, and one truth.

Usage: templates_test.py TASKDNS [TEST...]
"""
import re
import shutil
import subprocess
import sys
import unittest

import support

support.use_environment()

import hcl2  # noqa: E402
from task_definition import check, cloudformation, read  # noqa: E402
from task_definition.task import placeholders  # noqa: E402

TASKDNS = support.taskdns_of_arguments()
TERRAFORM = support.ROOT / "packaging" / "terraform"
TEMPLATE = support.ROOT / "packaging" / "cloudformation" / "two-services.yaml"
GUIDE = support.ROOT / "docs" / "ecs.md"
# What the example's application has that is not the templates' business.
OF_THE_EXAMPLE = ["image", "command", "environment", "linuxParameters"]


def container(raw, name):
    [found] = [one for one in raw["containerDefinitions"] if one["name"] == name]
    return found


def filled(value, words):
    """With ${NAME} replaced, as envsubst and Terraform's templatefile do."""
    if isinstance(value, dict):
        return {key: filled(inner, words) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, words) for inner in value]
    return re.sub(r"\$\{(\w+)\}", lambda match: words[match[1]], value) if isinstance(value, str) else value


class TaskDefinitions(unittest.TestCase):
    def test_are_right(self):
        for way in support.WAYS:
            with self.subTest(way):
                self.assertEqual([str(one) for one in check.check(support.template(way), TASKDNS).all],
                                 ["to fill in: note: APPLICATION_IMAGE, AWS_REGION, EXECUTION_ROLE_ARN, FAMILY, LOG_GROUP, TASKDNS_IMAGE"])

    def test_are_right_when_filled_in(self):
        words = {"APPLICATION_IMAGE": f"application@{support.DIGEST}", "AWS_REGION": "eu-west-1", "FAMILY": "client", "LOG_GROUP": "/ecs/client",
                 "EXECUTION_ROLE_ARN": "arn:aws:iam::123456789012:role/x", "TASKDNS_IMAGE": f"registry.internal/taskdns@{support.DIGEST}"}
        for way in support.WAYS:
            with self.subTest(way):
                self.assertEqual(check.check(filled(support.template(way), words), TASKDNS).all, [])

    def test_of_the_server_is_right_and_has_no_taskdns(self):
        self.assertEqual([str(one) for one in check.check(support.template("resource-server"), TASKDNS).all],
                         ["containerDefinitions: note: no taskdns here: nothing but ECS's own rules was checked",
                          "to fill in: note: AWS_REGION, EXECUTION_ROLE_ARN, FAMILY, LOG_GROUP, RESOURCE_SERVER_IMAGE"])

    def test_are_all_that_there_are(self):
        self.assertEqual(sorted(path.stem for path in support.ECS.glob("*.json")), sorted([*support.WAYS, "resource-server"]))

    def test_with_exec_cannot_hold_the_task_up(self):
        """As docs/ecs.md says: a taskdns that has ended never becomes HEALTHY, and nothing ends that wait."""
        self.assertEqual(container(support.template("exec"), "application")["dependsOn"],
                         [{"containerName": "taskdns", "condition": "START"}])

    def test_differ_only_where_the_ways_do(self):
        own = ["environment", "user", "readonlyRootFilesystem", "linuxParameters", "systemControls"]
        first, *others = [{key: value for key, value in container(support.template(way), "taskdns").items() if key not in own}
                          for way in support.WAYS]
        for other in others:
            self.assertEqual(other, first)


class CloudFormation(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        tree = cloudformation.template_of(TEMPLATE.read_text(encoding="utf-8"))
        self.definitions = {one.name.strip(" ()"): one for one in cloudformation.definitions_in(tree)}

    def test_is_clean_by_its_linter(self):
        done = subprocess.run([support.PYTHON.with_name("cfn-lint"), TEMPLATE], capture_output=True, text=True, timeout=120)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)

    def test_is_right(self):
        for name, definition in self.definitions.items():
            found = check.check_definition(definition, TASKDNS)
            self.assertEqual([str(one) for one in found.mistakes], [], name)

    def test_is_what_the_task_definitions_are(self):
        words = {"AWS_REGION": "${AWS_Region}", "EXECUTION_ROLE_ARN": "${ExecutionRole_Arn}", "LOG_GROUP": "${LogGroup}",
                 "TASKDNS_IMAGE": "${TaskdnsImage}", "APPLICATION_IMAGE": "", "RESOURCE_SERVER_IMAGE": ""}
        for resource, name, family in [("ClientTask", "managed", "client"), ("ResourceServerTask", "resource-server", "resource-server")]:
            wanted = filled(support.template(name), {**words, "FAMILY": "${AWS_StackName}-" + family})
            given = dict(self.definitions[resource].raw)
            given.pop("taskRoleArn", None)  # for ECS Exec only
            for raw in (wanted, given):
                raw["containerDefinitions"] = [
                    one if one["name"] == "taskdns" else {k: v for k, v in one.items() if k not in OF_THE_EXAMPLE}
                    for one in raw["containerDefinitions"]]
            self.assertEqual(given, wanted)

    def test_has_types_and_descriptions_for_what_one_can_choose(self):
        tree = cloudformation.template_of(TEMPLATE.read_text(encoding="utf-8"))
        for name, parameter in tree["Parameters"].items():
            self.assertTrue(parameter.get("Description", "").endswith("."), name)
            limits = {"AllowedPattern", "AllowedValues", "MinValue", "MinLength"} & set(parameter)
            self.assertTrue(limits or parameter["Type"] == "CommaDelimitedList", f"{name} takes anything")
        for name, output in tree["Outputs"].items():
            self.assertIn("Description", output, name)


class Terraform(unittest.TestCase):
    def setUp(self):
        self.text = {path.name: path.read_text(encoding="utf-8") for path in sorted(TERRAFORM.glob("*.tf"))}
        self.all = "\n".join(self.text.values())

    def blocks(self, kind):
        return {name.strip('"'): body for text in self.text.values() for block in hcl2.loads(text).get(kind, [])
                for name, body in block.items()}

    def test_is_well_formed(self):
        self.assertEqual(sorted(self.text), ["main.tf", "network.tf", "outputs.tf", "tasks.tf", "variables.tf", "versions.tf"])
        self.assertIn("taskdns_image", self.blocks("variable"))
        for name, body in self.blocks("variable").items():
            self.assertIn("type", body, name)
            self.assertIn("description", body, name)
            self.assertRegex(self.all, rf"\bvar\.{name}\b", f"the variable {name} is not used")
        for name, body in self.blocks("output").items():
            self.assertIn("description", body, name)

    def test_uses_only_what_is_there(self):
        declared = set(self.blocks("variable"))
        self.assertEqual(set(re.findall(r"\bvar\.(\w+)", self.all)) - declared, set())
        local_values = {key for text in self.text.values() for block in hcl2.loads(text).get("locals", []) for key in block}
        self.assertEqual(set(re.findall(r"\blocal\.(\w+)", self.all)) - local_values, set())
        resources = set(re.findall(r'^(?:resource|data) "(\w+)" "(\w+)"', self.all, re.MULTILINE))
        for kind, name in re.findall(r"\b(aws_\w+)\.(\w+)\b", re.sub(r'"[^"\n]*"', '""', self.all)):
            self.assertIn((kind, name), resources)

    def test_takes_its_task_definitions_from_the_files(self):
        tasks = self.text["tasks.tf"]
        common = set(re.findall(r"^    ([A-Z_]+)\s+= ", tasks, re.MULTILINE))
        own = set(re.findall(r"^    ([A-Z_]+)\s+= |^      ([A-Z_]+)\s+= ", tasks, re.MULTILINE))
        given = common | {name for pair in own for name in pair if name}
        for name in [*support.WAYS, "resource-server"]:
            needed = {word for _, words in placeholders(support.template(name)) for word in words}
            self.assertEqual(needed - given, set(), name)
        for way in re.search(r"contains\(\[([^\]]*)\], var\.way\)", self.text["variables.tf"])[1].split(","):
            self.assertIn(way.strip().strip('"'), support.WAYS)
        self.assertIn('"${path.module}/../ecs/${var.way}.json"', tasks)

    def test_is_formatted(self):
        if not shutil.which("terraform"):
            print("terraform is not installed: its files were parsed, but not held against `terraform fmt`", file=sys.stderr)
            return
        done = subprocess.run(["terraform", "fmt", "-check", "-diff", TERRAFORM], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Guide(unittest.TestCase):
    """docs/ecs.md; its ```yaml blocks are given to check-config by tests/integration/configuration_test.cpp."""

    def blocks(self, language):
        return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)

    def test_shows_task_definitions_that_are_right(self):
        shown = [one.raw for block in self.blocks("json") for one in read.definitions_of(block) if "containerDefinitions" in one.raw]
        self.assertTrue(shown)
        for raw in shown:
            self.assertEqual([str(one) for one in check.check(raw, TASKDNS).mistakes], [], raw["family"])

    def test_shows_parts_that_are_those_of_the_templates(self):
        """A block that is a part of a container is, with all that it says, a part of one in packaging/ecs."""
        containers = [one for way in support.WAYS for one in support.template(way)["containerDefinitions"]]
        for block in self.blocks("json"):
            raw = read.definitions_of(block)[0].raw
            if "containerDefinitions" not in raw:
                self.assertTrue(any(all(one.get(key) == value for key, value in raw.items()) for one in containers), block)

    def test_fills_in_all_that_the_templates_leave_open(self):
        [names] = re.findall(r"^envsubst '([^']*)'", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
        shown = [one.raw for block in self.blocks("json") for one in read.definitions_of(block) if "containerDefinitions" in one.raw]
        for raw in [*map(support.template, support.WAYS), *shown]:
            self.assertEqual({word for _, words in placeholders(raw) for word in words}, {name.strip("$") for name in names.split()})

    def test_has_a_row_for_each_way(self):
        for way in support.WAYS:
            self.assertIn(f"packaging/ecs/{way}.json", GUIDE.read_text(encoding="utf-8"))

    def test_names_metrics_and_alerts_that_are_there(self):
        text = GUIDE.read_text(encoding="utf-8")
        metrics = (support.ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
        alerts = (support.ROOT / "packaging" / "prometheus" / "alerts.yaml").read_text(encoding="utf-8")
        for name in re.findall(r"`((?:taskdns|process)_[a-z0-9_]+)", text):
            self.assertIn(f"`{name}`", metrics)
        for name in re.findall(r"`(Taskdns\w+)`", text):
            self.assertIn(f"alert: {name}\n", alerts)

    def test_quotes_what_the_program_says(self):
        """In the table by symptom, what follows `log`, `message`, `EDE` or `says` is a part of a text in the source."""
        source = "\n".join(path.read_text(encoding="utf-8") for path in (support.ROOT / "daemon").rglob("*.cpp"))
        said = re.sub(r'"\s*\n\s*"', "", source)  # literals go on in the next line
        table = GUIDE.read_text(encoding="utf-8").split("## Troubleshooting")[1]
        quoted = re.findall(r"(?:log:|message|EDE:?|says|`status`:) `([^`]+)`", table)
        self.assertGreater(len(quoted), 10)
        for words in quoted:
            self.assertIn(words, said)


if __name__ == "__main__":
    unittest.main()
