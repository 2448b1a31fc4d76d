#!/usr/bin/env python3
"""packaging/check_task_definition.py: what it is given, by whom, and how it ends.

Usage: checker_input_test.py TASKDNS [TEST...]
"""
import contextlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import support

support.use_environment()

import check_task_definition  # noqa: E402
from task_definition import check, read  # noqa: E402

TASKDNS = support.taskdns_of_arguments()
CHECKER = support.ROOT / "packaging" / "check_task_definition.py"


class CommandLine(unittest.TestCase):
    def run_with(self, text, *options):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "definition"
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
            return self.run_on(*options, file)

    def run_on(self, *words):
        """In this process, which has read the API's description already."""
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = check_task_definition.main(list(map(str, words)))
        said, complained = (stream.buffer.getvalue().decode() for stream in (out, err))
        return subprocess.CompletedProcess(words, status, said, complained)

    def test_is_a_program(self):
        done = subprocess.run([sys.executable, "-B", CHECKER, "/nowhere"], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (2, "", "/nowhere: cannot be read: No such file or directory\n"))

    def test_ends_with_0_and_ok(self):
        done = self.run_with(json.dumps(support.template("managed")), "--taskdns", TASKDNS)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.endswith("definition: ok\n"), done.stdout)

    def test_ends_with_1_and_each_mistake_in_a_line_with_its_file(self):
        raw = support.changed(support.template("managed"), {"taskdns/essential": True, "taskdns/stopTimeout": 10})
        done = self.run_with(json.dumps(raw), "--taskdns", TASKDNS)
        self.assertEqual(done.returncode, 1)
        mistakes = [line for line in done.stdout.splitlines() if " note: " not in line]
        self.assertEqual(len(mistakes), 2, done.stdout)
        for line in mistakes:
            self.assertRegex(line, r"/definition: containerDefinitions\[0\]\.\w+ \(taskdns\): .+: set it to ")

    def test_ends_with_2_for_what_it_cannot_read(self):
        for text, said in [('{"family": }', "line 1, column 12"), ("- a\n- b\n", "neither a JSON object"), ("a: [", "line"),
                           ("Resources: {}", "no task definition with taskdns"), ("Resources: [a]", "no task definition with taskdns"),
                           (b'{"family": "\xff"}', "is not UTF-8 (octet 13)"), ("[" * 10000, "nested too deeply"),
                           ('{"a": ' * 10000, "nested too deeply"), ("a: &a [*a]\nResources: *a", "no task definition")]:
            with self.subTest(text[:40]):
                done = self.run_with(text)
                self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                self.assertIn(said, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1)

    def test_ends_with_2_for_files_that_are_none(self):
        for file, said in [("/nowhere", "cannot be read: No such file or directory"), (support.ROOT, "cannot be read: Is a directory"),
                           (support.ROOT / "packaging" / "terraform" / "tasks.tf", "Terraform is not read")]:
            with self.subTest(file):
                done = self.run_on(file)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn(f"{file}: {said}", done.stderr)

    def test_ends_with_2_for_a_program_that_is_none(self):
        with tempfile.TemporaryDirectory() as folder:
            broken = pathlib.Path(folder) / "broken"
            broken.write_bytes(b"\x7fELF, but no more")
            broken.chmod(0o755)
            for path, said in [("/nowhere/taskdns", "no such program: /nowhere/taskdns (packaging/demo.sh builds it)"),
                               (folder, "is a directory"), (CHECKER.with_name("ecs") / "http.json", "is not executable"),
                               (broken, "cannot be run here: Exec format error"), ("/bin/true", "is another program")]:
                with self.subTest(path):
                    done = self.run_with(json.dumps(support.template("managed")), "--taskdns", path)
                    self.assertEqual((done.returncode, done.stdout), (2, ""))
                    self.assertTrue(done.stderr.startswith("--taskdns: "), done.stderr)
                    self.assertIn(said, done.stderr)
                    self.assertEqual(done.stderr.count("\n"), 1)

    def test_reads_what_editors_of_windows_write(self):
        self.assertEqual(self.run_with(b"\xef\xbb\xbf" + json.dumps(support.template("managed")).encode()).returncode, 0)

    def test_prints_halves_of_characters(self):
        raw = support.changed(support.template("managed"), {"application/image": "client:\ud800"})
        done = self.run_with(json.dumps(raw))
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.assertIn("client:\\ud800", done.stdout)


class CloudFormation(unittest.TestCase):
    TEMPLATE = """
Parameters: {Image: {Type: String, Default: "taskdns:1"}, Zone: {Type: String}}
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: !Sub "x-${Zone}"
      TaskRoleArn: !GetAtt Role.Arn
      ContainerDefinitions:
        - Name: taskdns
          Image: !Ref Image
          Environment: [{Name: TASKDNS_SERVICES, Value: !Sub ["a.${Where}:80", {Where: !Ref Zone}]}]
          LogConfiguration: {LogDriver: awslogs, Options: {awslogs-group: g}}
  Other: {Type: AWS::ECS::TaskDefinition, Properties: {Family: y, ContainerDefinitions: [{Name: z, Image: z}]}}
"""

    def test_is_read_as_the_api_takes_it(self):
        self.assertEqual([(one.name, one.raw) for one in read.definitions_of(self.TEMPLATE)], [(" (Task)", {
            "family": "x-${Zone}", "taskRoleArn": "${Role_Arn}",
            "containerDefinitions": [{
                "name": "taskdns", "image": "taskdns:1",
                "environment": [{"name": "TASKDNS_SERVICES", "value": "a.${Zone}:80"}],
                "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "g"}},
            }],
        })])


    # A whole task in which values are written as people do. What is in <> is replaced by a row.
    TASK = """
<Transform>
Parameters:
  TaskdnsImage: {Type: String}
  Namespace: {Type: String}
  Port: {Type: Number}
  Soft: {Type: Number}
  Wait: {Type: Number}
  Essential: {Type: String}
  Mode: {Type: String}
  Path: {Type: "AWS::SSM::Parameter::Value<String>", Default: /taskdns/image}
  Content: {Type: String}
Conditions: {Far: !Equals [!Ref Namespace, far]}
Resources:
  LogGroup: {Type: AWS::Logs::LogGroup}
  Role: {Type: AWS::IAM::Role}
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: !Sub "${AWS::StackName}-x"
      RequiresCompatibilities: [EC2]
      NetworkMode: <!Ref Mode>
      ExecutionRoleArn: !GetAtt <Role>.Arn
      ContainerDefinitions:
        - Name: taskdns
          Image: <!Ref TaskdnsImage>
          Essential: <"false">
          Cpu: "32"
          Memory: <"64">
          MemoryReservation: <32>
          RestartPolicy: {Enabled: "true", RestartAttemptPeriod: "60"}
          User: 0
          LinuxParameters: {Capabilities: {Drop: [CHOWN]}}
          HealthCheck: {Command: [CMD, /taskdns, healthcheck], Interval: <5>}
          Environment:
            - {Name: TASKDNS_CONFIG_CONTENT, Value: <"resolv_conf: {manage: true, fallback: true}">}
            - {Name: TASKDNS_SERVICES, Value: <"a.local:80">}
          LogConfiguration: {LogDriver: awslogs, Options: {awslogs-group: !Ref <LogGroup>, awslogs-region: !Ref <AWS::Region>,
                                                           awslogs-stream-prefix: x, mode: non-blocking}}
        - Name: application
          Image: !Join ["/", [!Sub "${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com", "client@sha256:%s"]]
          Memory: 64
          <ReadonlyRootFilesystem: false>
          DependsOn: [{ContainerName: taskdns, Condition: HEALTHY}]
""" % ("0" * 64)

    # (name, {what is in <>: what stands there instead}, a part of the only mistake; none where that is empty)
    VALUES = [
        ("AsItIs", {}, ""),
        ("NumberAsAText", {'"64"': '"32x"'}, "memory"),
        ("BooleanAsAText", {'"false"': '"true"'}, "would end the application"),
        ("UnknownNumberInFlowYaml", {'"resolv_conf: {manage: true, fallback: true}"':
                                     '!Sub "{services: [{name: payments.${Namespace}, port: ${Port}}]}"'}, ""),
        ("MistakeBesideAnUnknownValue", {'"resolv_conf: {manage: true, fallback: true}"':
                                         '!Sub "{services: [{name: payments.${Namespace}, prot: ${Port}}]}"'}, "unknown key"),
        ("UnknownDuration", {'"resolv_conf: {manage: true, fallback: true}"': '!Sub "shutdown: {linger: \'${Namespace}\'}"'}, ""),
        ("UnknownSection", {'"resolv_conf: {manage: true, fallback: true}"': '!Sub "resolv_conf: ${Content}"'}, ""),
        ("UnknownConfiguration", {'"resolv_conf: {manage: true, fallback: true}"': "!Ref Content"}, ""),
        ("UnknownImport", {'"a.local:80"': '!ImportValue services'}, ""),
        ("VariableOfTheProgram", {'"resolv_conf: {manage: true, fallback: true}"':
                                  '!Sub \'services: [{name: "b.${!STAGE:-dev}", port: 80}]\''}, ""),
        ("UnknownNumber", {"32": "!Ref Soft", "5": "!Ref Wait"}, ""),
        ("UnknownWords", {"!Ref Mode": "!Ref Mode", '"false"': "!Ref Essential"}, ""),
        ("NoValue", {"ReadonlyRootFilesystem: false": "ReadonlyRootFilesystem: !If [Far, !Ref AWS::NoValue, false]"}, ""),
        ("NoValueIsTheDefault", {'"false"': "!Ref AWS::NoValue"}, "would end the application"),
        ("Joined", {"!Ref TaskdnsImage": '!Join [":", [taskdns, "1 2"]]'}, "'taskdns:1 2' is not an image's name"),
        ("MistypedResource", {"LogGroup": "LogGruop"}, "LogGruop is declared nowhere in the template (did you mean LogGroup?)"),
        ("MistypedParameter", {"!Ref TaskdnsImage": "!Ref TaskdnsImg"}, "TaskdnsImg is declared nowhere"),
        ("MistypedInAText", {'"a.local:80"': '!Sub "a.${Namespac}:80"'}, "Namespac is declared nowhere"),
        ("MistypedAttribute", {"Role": "Rloe"}, "Rloe is declared nowhere"),
        ("MistypedPseudoParameter", {"AWS::Region": "AWS::Regoin"}, "did you mean AWS::Region?"),
        ("MistypedCondition", {"ReadonlyRootFilesystem: false": "ReadonlyRootFilesystem: !If [Fra, true, false]"}, "Fra is declared nowhere"),
        ("MadeByAMacro", {"Transform": "Transform: AWS::LanguageExtensions", "LogGroup": "LogGruop"}, ""),
        ("Date", {"ReadonlyRootFilesystem: false": "DockerLabels: {since: 2020-01-01}"}, ""),
        ("KeyThatIsANumber", {"ReadonlyRootFilesystem: false": "DockerLabels: {1: x}"}, ""),
        ("PathInTheParameterStore", {"!Ref TaskdnsImage": '!Sub "taskdns:${Path}"'}, ""),
    ]

    def filled(self, values):
        text = self.TASK
        for word in ["Transform", "!Ref Mode", "Role", "!Ref TaskdnsImage", '"false"', '"64"', "32", "5", "LogGroup", "AWS::Region",
                     '"resolv_conf: {manage: true, fallback: true}"', '"a.local:80"', "ReadonlyRootFilesystem: false"]:
            self.assertIn(f"<{word}>", text)
            text = text.replace(f"<{word}>", values.get(word, "" if word == "Transform" else word))
        return text

    def test_knows_what_only_the_stack_knows_from_what_is_wrong(self):
        for name, values, text in self.VALUES:
            with self.subTest(name):
                [definition] = read.definitions_of(self.filled(values))
                found = check.check_definition(definition, TASKDNS).mistakes
                said = "\n".join(map(str, found))
                self.assertEqual(len(found), 1 if text else 0, said)
                self.assertIn(text, said)

    def test_says_that_a_configuration_is_not_checked(self):
        [definition] = read.definitions_of(self.filled({'"a.local:80"': "!ImportValue services"}))
        self.assertIn("comes from elsewhere and is not checked", "\n".join(map(str, check.check_definition(definition, TASKDNS).all)))


if __name__ == "__main__":
    unittest.main()
