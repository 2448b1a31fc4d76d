#!/usr/bin/env python3
"""packaging/check_task_definition.py: one thing is broken in a good definition, and exactly that is said.

Usage: checker_test.py TASKDNS [TEST...]
"""
import unittest

import support

support.use_environment()

from task_definition import check  # noqa: E402

TASKDNS = support.taskdns_of_arguments()
GONE = support.GONE
PORT_START = "net.ipv4.ip_unprivileged_port_start"
SERVICES = {"name": "TASKDNS_SERVICES", "value": "a.local:80"}


def configured(yaml_text, *more):
    return [SERVICES, {"name": "TASKDNS_CONFIG_CONTENT", "value": yaml_text}, *more]


def cycle():
    return [{"containerName": "application", "condition": "START"}]


OTHER_IMAGE = f"other@{support.DIGEST}"
MANAGED = "resolv_conf: {manage: true, fallback: true}"
TWIN = {"name": "twin", "image": f"twin@{support.DIGEST}", "essential": False}

# (name, the good definition, what is changed, where the mistake is said to be, a part of what is said)
BROKEN = [
    # the shape
    ("UnknownKey", "managed", {"taskdns/essental": False}, "RegisterTaskDefinition", "essental"),
    ("WrongType", "managed", {"taskdns/cpu": "32"}, "RegisterTaskDefinition", "containerDefinitions[0].cpu"),
    ("MissingKey", "managed", {"taskdns/restartPolicy": {}}, "RegisterTaskDefinition", '"enabled"'),
    ("UnknownWord", "managed", {"networkMode": "awspvc"}, "networkMode", "'awspvc' is not one of"),
    ("UnknownCondition", "managed", {"application/dependsOn": [{"containerName": "taskdns", "condition": "ALIVE"}]},
     "containerDefinitions[1].dependsOn[0].condition", "'ALIVE' is not one of"),
    # what ECS refuses
    ("FargateNetwork", "http", {"networkMode": "host"}, "networkMode", "Fargate has only awsvpc"),
    ("FargateCpu", "managed", {"cpu": "300"}, "cpu", "Fargate has 256, 512"),
    ("FargateMemory", "managed", {"memory": "700"}, "memory", "with 256 CPU units Fargate has 512 to 2048"),
    ("FargateRole", "managed", {"executionRoleArn": GONE}, "executionRoleArn", "AmazonECSTaskExecutionRolePolicy"),
    ("FargatePrivileged", "managed", {"application/privileged": True}, "containerDefinitions[1].privileged", "Fargate"),
    ("FargateTmpfs", "managed", {"application/linuxParameters": {"tmpfs": [{"containerPath": "/tmp", "size": 1}]}},
     "containerDefinitions[1].linuxParameters.tmpfs", "use a volume"),
    ("FargateCapability", "init", {"taskdns/linuxParameters/capabilities/add": ["NET_BIND_SERVICE"]},
     "containerDefinitions[0].linuxParameters.capabilities.add", "only SYS_PTRACE"),
    ("DnsServers", "managed", {"application/dnsServers": ["127.0.0.1"]}, "containerDefinitions[1].dnsServers",
     "resolv_conf.manage"),
    ("HostPort", "managed", {"application/portMappings": [{"containerPort": 8080, "hostPort": 80}]},
     "containerDefinitions[1].portMappings[0].hostPort", "left out in network mode awsvpc"),
    ("Windows", "managed", {"runtimePlatform/operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"},
     "runtimePlatform.operatingSystemFamily", "LINUX"),
    ("HealthCheckRange", "managed", {"taskdns/healthCheck/timeout": 1}, "containerDefinitions[0].healthCheck.timeout",
     "ECS takes 2 to 60"),
    ("RestartPeriod", "managed", {"taskdns/restartPolicy/restartAttemptPeriod": 10},
     "containerDefinitions[0].restartPolicy.restartAttemptPeriod", "ECS takes 60 to 1800"),
    ("TooManyExitCodes", "managed", {"taskdns/restartPolicy/ignoredExitCodes": list(range(2, 53))},
     "containerDefinitions[0].restartPolicy.ignoredExitCodes", "50"),
    ("StopTimeoutRange", "managed", {"application/stopTimeout": 200}, "containerDefinitions[1].stopTimeout",
     "ECS takes 2 to 120"),
    ("NoSuchContainer", "init", {"resolv-conf/dependsOn": [{"containerName": "taskdsn", "condition": "HEALTHY"}]},
     "containerDefinitions[1].dependsOn[0]", "no container 'taskdsn'"),
    ("EssentialInit", "init", {"resolv-conf/essential": True}, "containerDefinitions[2].dependsOn[1]", "would stop the task"),
    ("NothingEssential", "http", {"application/essential": False}, "containerDefinitions", "no container is essential"),
    ("LogGroup", "managed", {"taskdns/logConfiguration/options/awslogs-group": GONE},
     "containerDefinitions[0].logConfiguration.options", "lacks awslogs-group"),
    ("NoSuchVolume", "managed", {"taskdns/mountPoints": [{"sourceVolume": "state", "containerPath": "/state"}]},
     "containerDefinitions[0].mountPoints[0].sourceVolume", "'state' is not one of volumes"),
    ("SoftMemory", "managed", {"taskdns/memoryReservation": 64}, "containerDefinitions[0].memory", "greater than"),
    ("MemorySum", "managed", {"application/memoryReservation": 500}, "memory", "the containers reserve 532"),
    ("MemorySumOfGigabytes", "managed", {"memory": "1 GB", "application/memoryReservation": 1000}, "memory", "is 1024 MiB"),
    ("CpuSum", "managed", {"application/cpu": 250}, "cpu", "the containers reserve 282 units"),
    ("FargateVirtualCpus", "managed", {"cpu": "3 vCPU"}, "cpu", "is 3 vCPU; Fargate has 256, 512"),
    ("CpuBeyondAllNumbers", "managed", {"cpu": "9" * 400}, "cpu", "Fargate has 256, 512"),
    ("FargateSourcePath", "managed", {"volumes": [{"name": "state", "host": {"sourcePath": "/srv"}}]}, "volumes[0].host.sourcePath",
     "leave host out"),
    ("FargateDockerVolume", "managed", {"volumes": [{"name": "state", "dockerVolumeConfiguration": {"driver": "local"}}]},
     "volumes[0].dockerVolumeConfiguration", "Fargate"),
    ("FargateLogDriver", "managed", {"application/logConfiguration": {"logDriver": "json-file"}},
     "containerDefinitions[1].logConfiguration.logDriver", "Fargate has awslogs, splunk, awsfirelens"),
    ("NoLogRouter", "managed", {"application/logConfiguration": {"logDriver": "awsfirelens"}},
     "containerDefinitions[1].logConfiguration.logDriver", "add the log router"),
    ("LittleStorage", "managed", {"ephemeralStorage": {"sizeInGiB": 20}}, "ephemeralStorage.sizeInGiB", "ECS takes 21 to 200"),
    ("SecretAndVariable", "managed", {"application/environment": [{"name": "TOKEN", "value": "x"}],
                                      "application/secrets": [{"name": "TOKEN", "valueFrom": "arn:x"}]},
     "containerDefinitions[1].secrets[0].name", "TOKEN is one of environment, too"),
    # names, images, ARNs
    ("FamilyWithASpace", "managed", {"family": "my client"}, "family", "'my client' is not a name"),
    ("ContainerNameWithADot", "managed", {"application/name": "app.1"}, "containerDefinitions[1].name", "'app.1' is not a name"),
    ("NoContainerName", "managed", {"application/name": GONE}, "containerDefinitions[1].name", "is missing"),
    ("NoImage", "managed", {"application/image": GONE}, "containerDefinitions[1].image", "is missing"),
    ("NoImageOfTaskdns", "http", {"taskdns/image": GONE}, "containerDefinitions[0].image", "is missing"),
    ("ImageWithASpace", "managed", {"application/image": "client :1"}, "containerDefinitions[1].image", "is not an image's name"),
    ("ShortDigest", "managed", {"application/image": "client@sha256:0123"}, "containerDefinitions[1].image", "64 hex digits"),
    ("ImageOfTheExample", "managed", {"taskdns/image": f"ACCOUNT.dkr.ecr.REGION.amazonaws.com/taskdns@{support.DIGEST}"},
     "containerDefinitions[0].image", "the example's ACCOUNT"),
    ("DigestOfTheExample", "managed", {"taskdns/image": "registry.internal/taskdns@sha256:<64 hex digits>"},
     "containerDefinitions[0].image", "the example's <64 hex digits>"),
    ("DigestOfDots", "managed", {"application/image": "client@sha256:..."}, "containerDefinitions[1].image", "the example's ..."),
    ("RegionOfTheExample", "managed", {"application/logConfiguration/options/awslogs-region": "REGION"},
     "containerDefinitions[1].logConfiguration.options.awslogs-region", "the example's REGION"),
    ("SecretOfTheExample", "managed", {"application/secrets": [{"name": "TOKEN", "valueFrom": "arn:aws:ssm:REGION:1:parameter/x"}]},
     "containerDefinitions[1].secrets[0].valueFrom", "the example's REGION"),
    ("TaskRoleOfTheExample", "managed", {"taskRoleArn": "arn:aws:iam::ACCOUNT:role/x"}, "taskRoleArn", "the example's ACCOUNT"),
    ("RoleIsNoArn", "managed", {"executionRoleArn": "ecsTaskExecutionRole"}, "executionRoleArn", "is not the ARN of a role"),
    # what taskdns needs
    ("Essential", "managed", {"taskdns/essential": True}, "containerDefinitions[0].essential", "set it to false"),
    ("EssentialByDefault", "managed", {"taskdns/essential": GONE}, "containerDefinitions[0].essential", "set it to false"),
    ("NoRestartPolicy", "managed", {"taskdns/restartPolicy": GONE}, "containerDefinitions[0].restartPolicy", "is missing"),
    ("RestartPolicyOff", "managed", {"taskdns/restartPolicy/enabled": False}, "containerDefinitions[0].restartPolicy", "is missing"),
    ("IgnoredCrash", "managed", {"taskdns/restartPolicy/ignoredExitCodes": [0, 137]},
     "containerDefinitions[0].restartPolicy.ignoredExitCodes", "137 is how a failure ends"),
    ("IgnoredFailure", "managed", {"taskdns/restartPolicy/ignoredExitCodes": [1]},
     "containerDefinitions[0].restartPolicy.ignoredExitCodes", "1 is how a failure ends"),
    ("StopTimeoutAsLongAsLinger", "managed", {"taskdns/stopTimeout": 25}, "containerDefinitions[0].stopTimeout", "set it to 30"),
    ("LongLinger", "managed", {"taskdns/environment": configured(MANAGED + "\nshutdown: {linger: 1m}")},
     "containerDefinitions[0].stopTimeout", "for up to 60 s"),
    ("LongLingerNoTimeout", "managed", {"taskdns/environment": configured(MANAGED + "\nshutdown: {linger: 30s}"),
                                        "taskdns/stopTimeout": GONE}, "containerDefinitions[0].stopTimeout", "set it to 35"),
    ("LittleMemory", "managed", {"taskdns/memory": 16, "taskdns/memoryReservation": 8}, "containerDefinitions[0].memory", "32 or more"),
    ("NoLog", "managed", {"taskdns/logConfiguration": GONE}, "containerDefinitions[0].logConfiguration", "is missing"),
    ("BlockingLog", "managed", {"taskdns/logConfiguration/options/mode": "blocking"},
     "containerDefinitions[0].logConfiguration.options", "non-blocking"),
    ("Shell", "managed", {"taskdns/healthCheck/command": ["CMD-SHELL", "/taskdns healthcheck"]},
     "containerDefinitions[0].healthCheck.command", "the image has no shell"),
    ("OtherPath", "managed", {"taskdns/healthCheck/command": ["CMD", "/usr/bin/taskdns", "healthcheck"]},
     "containerDefinitions[0].healthCheck.command", "the container's program is /taskdns"),
    ("OtherHealthCommand", "managed", {"taskdns/healthCheck/command": ["CMD", "/taskdns", "status"]},
     "containerDefinitions[0].healthCheck.command", "healthcheck"),
    ("UnknownHealthOption", "managed", {"taskdns/healthCheck/command": ["CMD", "/taskdns", "healthcheck", "--port", "8053"]},
     "containerDefinitions[0].healthCheck.command", "does not know '--port'"),
    ("HealthCommandWithoutCmd", "managed", {"taskdns/healthCheck/command": ["/taskdns", "healthcheck"]},
     "containerDefinitions[0].healthCheck.command", "ECS wants CMD in front"),
    ("MistypedHealthCommand", "managed", {"taskdns/healthCheck/command": ["CMD", "/taskdns", "heathcheck"]},
     "containerDefinitions[0].healthCheck.command", "did you mean healthcheck instead of heathcheck?"),
    ("HealthCheckAtAnotherPort", "managed", {"taskdns/healthCheck/command": ["CMD", "/taskdns", "healthcheck", "--http", "127.0.0.1:8080"]},
     "containerDefinitions[0].healthCheck.command", "asks port 8080, but listen.http is on 8053"),
    ("HealthCheckAtTheDefaultPort", "managed", {
        "taskdns/environment": configured(MANAGED, {"name": "TASKDNS_HTTP_LISTEN", "value": "127.0.0.1:9053"}),
        "taskdns/healthCheck/command": ["CMD", "/taskdns", "healthcheck", "--http=127.0.0.1:8053"]},
     "containerDefinitions[0].healthCheck.command", "asks port 8053, but listen.http is on 9053"),
    ("HealthCheckWithoutHttp", "managed", {"taskdns/environment": configured(MANAGED + "\nlisten: {http: []}")},
     "containerDefinitions[0].healthCheck.command", "listen.http is empty"),
    ("StartTimeoutTooShort", "managed", {"taskdns/startTimeout": 9}, "containerDefinitions[0].startTimeout", "HEALTHY may take 10 s"),
    ("Interval", "managed", {"taskdns/healthCheck/interval": 30}, "containerDefinitions[0].healthCheck.interval", "set 5"),
    ("IntervalByDefault", "managed", {"taskdns/healthCheck/interval": GONE}, "containerDefinitions[0].healthCheck.interval", "set 5"),
    ("DoesNotWait", "managed", {"application/dependsOn": GONE}, "containerDefinitions[1].dependsOn", "before taskdns answers"),
    ("DoesNotWaitAndNobodyKnowsWhoWrites", "http", {"taskdns/command": ["--config", "/config/taskdns.yaml"], "application/dependsOn": GONE},
     "containerDefinitions[1].dependsOn", "before taskdns answers"),
    ("WaitsForStart", "managed", {"application/dependsOn": [{"containerName": "taskdns", "condition": "START"}]},
     "containerDefinitions[1].dependsOn", '"condition": "HEALTHY"'),
    ("DoesNotWaitForInit", "init", {"application/dependsOn": [{"containerName": "taskdns", "condition": "HEALTHY"}]},
     "containerDefinitions[2].dependsOn", "before that is written"),
    ("Port53Twice", "managed", {"application/portMappings": [{"containerPort": 53, "protocol": "udp"}]},
     "containerDefinitions[1].portMappings[0].containerPort", "53/udp is also that of 'taskdns' (listen.dns)"),
    ("HttpPortTwice", "managed", {"application/portMappings": [{"containerPort": 8053}]},
     "containerDefinitions[1].portMappings[0].containerPort", "8053/tcp is also that of 'taskdns' (listen.http)"),
    ("BothListenersOnOnePort", "http", {"taskdns/environment": [SERVICES, {"name": "TASKDNS_DNS_LISTEN", "value": "127.0.0.1:8053"}]},
     "containerDefinitions[0].environment", "127.0.0.1:8053 is taken"),
    ("LowPortWithoutRoot", "init", {"taskdns/systemControls": GONE}, "containerDefinitions[0].systemControls", PORT_START),
    ("LowPortWithoutNewPrivileges", "init", {"taskdns/systemControls": GONE, "taskdns/linuxParameters": GONE,
                                             "requiresCompatibilities": ["EC2"], "taskdns/dockerSecurityOptions": ["no-new-privileges"]},
     "containerDefinitions[0].systemControls", "needs a right that user 65532 has not"),
    ("LowPortStartTooHigh", "init", {"taskdns/systemControls": [{"namespace": PORT_START, "value": "80"}]},
     "containerDefinitions[0].systemControls", '"value": "53"'),
    ("LowPortStartIsNoNumber", "init", {"taskdns/systemControls": [{"namespace": PORT_START, "value": "\u00b2"}]},
     "containerDefinitions[0].systemControls", '"value": "53"'),
    ("LowPortWithoutCapability", "managed", {"taskdns/linuxParameters/capabilities/drop": ["ALL"]},
     "containerDefinitions[0].linuxParameters.capabilities.drop", "NET_BIND_SERVICE"),
    ("ManageWithoutRoot", "managed", {"taskdns/user": GONE, "taskdns/systemControls": [{"namespace": PORT_START, "value": "53"}]},
     "containerDefinitions[0].user", "or leave it to an init container"),
    ("ManageReadOnly", "managed", {"taskdns/readonlyRootFilesystem": True}, "containerDefinitions[0].readonlyRootFilesystem",
     "Docker mounts /etc/resolv.conf read-only"),
    ("InitWithoutRoot", "init", {"resolv-conf/user": "65532"}, "containerDefinitions[1].user", 'set "user": "0"'),
    ("ExecWithoutRoot", "exec", {"application/user": "1000:1000"}, "containerDefinitions[1].user", "is 1000, who may not write"),
    ("ManageWithoutPort53", "managed", {"taskdns/environment": configured(
        MANAGED, {"name": "TASKDNS_DNS_LISTEN", "value": "127.0.0.1:5300"})}, "containerDefinitions[0].environment",
     "resolv_conf.manage: needs a listener on port 53"),
    ("InitWithoutPort53", "init", {"taskdns/environment": [SERVICES, {"name": "TASKDNS_DNS_LISTEN", "value": "127.0.0.1:5300"}]},
     "containerDefinitions[0].environment", "resolv.conf cannot say a port"),
    ("SnapshotReadOnly", "init", {"taskdns/environment": configured("snapshot: /state/members.json")},
     "containerDefinitions[0].mountPoints", "no volume is mounted there"),
    ("UnknownVariable", "http", {"taskdns/environment": [SERVICES, {"name": "TASKDNS_DNS_LISTEN", "value": "127.0.0.1:5300"},
                                                        {"name": "TASKDNS_LOGLEVEL", "value": "info"}]},
     "containerDefinitions[0].environment", "TASKDNS_LOGLEVEL is not a variable of taskdns (did you mean TASKDNS_LOG_LEVEL?)"),
    ("VariableThatCannotBe", "managed", {"taskdns/environment": configured(MANAGED + "\0")}, "containerDefinitions[0].environment",
     "check-config cannot be run with these variables"),
    ("VariableTwice", "managed", {"taskdns/environment": configured(MANAGED, SERVICES)}, "containerDefinitions[0].environment", "twice"),
    ("BadService", "http", {"taskdns/environment": [{"name": "TASKDNS_SERVICES", "value": "a.local:http"},
                                                   {"name": "TASKDNS_DNS_LISTEN", "value": "127.0.0.1:5300"}]},
     "containerDefinitions[0].environment", "services[0].port: 'http'"),
    ("BadConfiguration", "managed", {"taskdns/environment": configured("resolv_conf: {manage: true, falback: true}")},
     "containerDefinitions[0].environment", "resolv_conf.falback: unknown key"),
    ("UnknownCommand", "managed", {"taskdns/command": ["run", "--verbose"]}, "containerDefinitions[0].command",
     "does not know '--verbose'"),
    ("Bridge", "managed", {"networkMode": "bridge", "requiresCompatibilities": ["EC2"]}, "networkMode", "set it to awsvpc"),
    ("NoSidecar", "http", {"taskdns/image": OTHER_IMAGE, "taskdns/healthCheck/command": ["CMD", "/other"]},
     "containerDefinitions", "no container runs the daemon"),
]

# (name, the good definition, what is changed, a part of the note): nothing is wrong
NOTED = [
    ("NoFallback", "managed", {"taskdns/environment": configured("resolv_conf: {manage: true}")}, "resolv_conf.fallback is off"),
    ("NobodyWrites", "managed", {"taskdns/environment": [SERVICES]}, "nobody writes /etc/resolv.conf"),
    ("NotPinned", "managed", {"taskdns/image": "registry.internal/taskdns:0.1.0"}, "is not pinned"),
    ("Host", "http", {"networkMode": "host", "requiresCompatibilities": ["EC2"]}, "two tasks on one instance collide"),
    ("SecretConfiguration", "managed", {
        "taskdns/environment": [{"name": "TASKDNS_CONFIG_CONTENT", "value": MANAGED}],
        "taskdns/secrets": [{"name": "TASKDNS_SERVICES", "valueFrom": "arn"}]}, "from elsewhere"),
    ("MountedFile", "http", {"taskdns/command": ["--config", "/config/taskdns.yaml"]}, "the configuration file is not checked"),
    ("SnapshotOnVolume", "init", {"taskdns/environment": configured("snapshot: /state/members.json"), "volumes": [{"name": "state"}],
                                  "taskdns/mountPoints": [{"sourceVolume": "state", "containerPath": "/state"}]},
     "unless the image has a VOLUME there that belongs to user 65532"),
    ("SnapshotInNoFolder", "managed", {"taskdns/environment": configured(MANAGED + "\nsnapshot: /tmp/members.json")},
     "our image has no folder for it"),
    ("SnapshotOfAnotherUser", "http", {"taskdns/readonlyRootFilesystem": GONE, "taskdns/environment": configured(
        "snapshot: /members.json", {"name": "TASKDNS_DNS_LISTEN", "value": "127.0.0.1:5300"})}, "only root may write"),
    ("OtherUserOfTheImage", "exec", {"application/user": GONE}, "what user the image has"),
    ("FileCapability", "init", {"taskdns/systemControls": GONE, "taskdns/linuxParameters": GONE}, "file capability of the image"),
    ("HealthCheckOption", "managed", {"taskdns/healthCheck/command": ["CMD", "/taskdns", "healthcheck", "--http", "127.0.0.1:8053"]},
     "to fill in"),
    ("DoesNotWaitWhereNobodyWrites", "http", {"application/dependsOn": GONE}, "right only if its client goes on by itself"),
    ("WaitsForStartWhereNobodyWrites", "http", {"application/dependsOn": [{"containerName": "taskdns", "condition": "START"}]},
     "right only if its client goes on by itself"),
    ("ReadOnlyApplication", "managed", {"application/readonlyRootFilesystem": True}, "most programs need /tmp"),
    ("ReadOnlyApplicationWithAReadOnlyMount", "managed", {
        "application/readonlyRootFilesystem": True, "volumes": [{"name": "data"}],
        "application/mountPoints": [{"sourceVolume": "data", "containerPath": "/data", "readOnly": True}]}, "most programs need /tmp"),
    ("VariableOfTheOtherContainer", "managed", {"application/environment": [SERVICES]},
     "TASKDNS_SERVICES does nothing here: taskdns runs in 'taskdns'"),
    ("SecretOfTheOtherContainer", "managed", {"application/secrets": [{"name": "TASKDNS_CONFIG_CONTENT", "valueFrom": "arn:x"}]},
     "TASKDNS_CONFIG_CONTENT does nothing here"),
    ("VariableOfAnotherNameThere", "managed", {"application/environment": [{"name": "TASK_DNS_SERVICES", "value": "a.local"}]},
     "TASK_DNS_SERVICES does nothing here"),
    ("VariableOfAnotherName", "managed", {"taskdns/environment": configured(MANAGED, {"name": "TASK_DNS_SERVICES", "value": "a.local"})},
     "TASK_DNS_SERVICES is not read by taskdns (did you mean TASKDNS_SERVICES?)"),
    ("ServiceInBoth", "managed", {"taskdns/environment": configured(
        MANAGED + "\nservices: [{name: A.local., port: 80, aliases: [a], health: {check: none}}]")},
     "a.local is in both: TASKDNS_SERVICES replaces it as a whole, so its aliases, health in TASKDNS_CONFIG_CONTENT do nothing"),
    ("ServiceInBothAtAnotherPort", "managed", {"taskdns/environment": configured(MANAGED + "\nservices: [{name: a.local, port: 81}]")},
     "so its port in"),
    ("ExecStaysRoot", "exec", {"application/entryPoint": ["/taskdns", "exec", "--fallback", "--"]}, "the application stays root"),
    ("ExecStaysRootInSpiteOfTheCommand", "exec", {"application/entryPoint": ["/taskdns", "exec", "--fallback", "--"],
                                                  "application/command": ["app", "--user", "1"]}, "the application stays root"),
    ("RootWithAllCapabilities", "managed", {"taskdns/linuxParameters": GONE}, "packaging/ecs has the list"),
    ("InitWithAllCapabilities", "init", {"resolv-conf/linuxParameters": GONE}, "packaging/ecs has the list"),
    ("ApplicationsLogBlocks", "managed", {"application/logConfiguration/options/mode": GONE}, "the application may stand still"),
    ("NoteOfTheProgram", "managed", {"taskdns/environment": configured(MANAGED + "\nservices: [{name: b.local, port: 3306}]")},
     "TASKDNS_SERVICES: b.local: port 3306 is not checked by default"),
]

# (name, the good definition, what is changed, a part of what must not be said); nothing is wrong unless said otherwise
SILENT = [
    ("VirtualCpus", "managed", {"cpu": ".5 vCPU", "memory": "1GB"}, "Fargate has"),
    ("GigabytesWithASpace", "managed", {"cpu": "1 vcpu", "memory": "2 GB"}, "Fargate has"),
    ("ReadOnlyApplicationWithAVolume", "managed", {
        "application/readonlyRootFilesystem": True, "volumes": [{"name": "tmp"}],
        "application/mountPoints": [{"sourceVolume": "tmp", "containerPath": "/tmp"}]}, "most programs need /tmp"),
    ("ServiceInBothAlike", "managed", {"taskdns/environment": configured(MANAGED + "\nservices: [{name: a.local, port: 80}]")},
     "in both"),
    ("SnapshotOfRoot", "managed", {"taskdns/environment": configured(MANAGED + "\nsnapshot: /state/s"), "volumes": [{"name": "state"}],
                                   "taskdns/mountPoints": [{"sourceVolume": "state", "containerPath": "/state"}]}, "VOLUME"),
    ("SnapshotOfRootInItsRoot", "managed", {"taskdns/environment": configured(MANAGED + "\nsnapshot: /members.json")}, "snapshot is"),
    ("NobodyKnowsTheFile", "http", {"taskdns/command": ["--config", "/config/taskdns.yaml"], "taskdns/environment": GONE,
                                    "taskdns/systemControls": [{"namespace": PORT_START, "value": "53"}]}, "nobody writes"),
    ("LogRouter", "managed", {
        "application/logConfiguration": {"logDriver": "awsfirelens"}, "application/firelensConfiguration": {"type": "fluentbit"}},
     "add the log router"),
    ("DateInTheConfiguration", "managed", {
        "taskdns/environment": configured(MANAGED + "\nservices: [{name: b.local, aliases: [2020-99-99]}]")}, "not checked"),
]


class Checker(unittest.TestCase):
    maxDiff = None

    def test_says_the_one_mistake(self):
        for name, base, changes, place, text in BROKEN:
            with self.subTest(name):
                found = check.check(support.changed(support.template(base), changes), TASKDNS).mistakes
                said = "\n".join(map(str, found))
                self.assertEqual(len(found), 1, said)
                self.assertEqual(found[0].place.split(" (")[0], place, said)
                self.assertIn(text, found[0].text)

    def said_without_mistakes(self, base, changes):
        found = check.check(support.changed(support.template(base), changes), TASKDNS)
        self.assertEqual([str(one) for one in found.mistakes], [])
        return "\n".join(map(str, found.all))

    def test_notes_what_is_not_wrong(self):
        for name, base, changes, text in NOTED:
            with self.subTest(name):
                self.assertIn(text, self.said_without_mistakes(base, changes))

    def test_is_silent_where_nothing_is_to_be_said(self):
        for name, base, changes, text in SILENT:
            with self.subTest(name):
                self.assertNotIn(text, self.said_without_mistakes(base, changes))

    def test_says_of_a_configuration_that_cannot_be_read_only_that(self):
        raw = support.changed(support.template("managed"), {"taskdns/environment": configured("resolv_conf: {manage: true")})
        said = [str(one) for one in check.check(raw, TASKDNS).all if one.place != "to fill in"]
        self.assertEqual(len(said), 1, said)
        self.assertIn("TASKDNS_CONFIG_CONTENT:1:1: not YAML", said[0])

    def test_says_of_a_mistyped_variable_only_that(self):
        raw = support.changed(support.template("managed"),
                              {"taskdns/environment": configured(MANAGED, {"name": "TASKDNS_SERVICE", "value": "b.local"})})
        self.assertEqual([one.text for one in check.check(raw, TASKDNS).all if one.place != "to fill in"],
                         ["TASKDNS_SERVICE is not a variable of taskdns (did you mean TASKDNS_SERVICES?)"])

    def test_has_one_row_for_each_name(self):
        names = [row[0] for row in [*BROKEN, *NOTED, *SILENT]]
        self.assertEqual(sorted(set(names)), sorted(names))

    def test_finds_two_containers_of_one_name_and_two_sidecars(self):
        raw = support.template("managed")
        raw["containerDefinitions"] += [TWIN, TWIN]
        self.assertEqual([one.text for one in check.check(raw, TASKDNS).mistakes], ["two containers are called 'twin'"])
        raw = support.template("http")
        raw["containerDefinitions"].append({**raw["containerDefinitions"][0], "name": "second"})
        self.assertIn("'taskdns' is a sidecar already", "\n".join(map(str, check.check(raw, TASKDNS).mistakes)))

    def test_finds_two_applications_on_one_port(self):
        raw = support.template("managed")
        raw["containerDefinitions"].append({**TWIN, "portMappings": [{"containerPort": 8080}]})
        [mistake] = check.check(raw, TASKDNS).mistakes
        self.assertIn("8080/tcp is also that of 'application'", mistake.text)

    def test_finds_a_circle(self):
        raw = support.changed(support.template("managed"), {"taskdns/dependsOn": cycle()})
        self.assertIn("waits for itself", "\n".join(map(str, check.check(raw, TASKDNS).mistakes)))

    def test_works_without_the_program_and_says_what_it_then_does_not_check(self):
        raw = support.changed(support.template("managed"), {"taskdns/environment": configured("resolv_conf: {manag: true}")})
        found = check.check(raw)
        self.assertEqual(found.mistakes, [])
        self.assertIn("--taskdns PATH", "\n".join(map(str, found.all)))


if __name__ == "__main__":
    unittest.main()
