"""What ECS refuses, or silently ignores, beyond the shape of the request: as its documentation says it."""
import re

from task_definition.task import is_placeholder, whole

HEALTH_CHECK_RANGES = {"interval": (5, 300), "timeout": (2, 60), "retries": (1, 10), "startPeriod": (0, 300)}
NOT_IN_AWSVPC = ["dnsServers", "dnsSearchDomains", "extraHosts", "hostname", "links"]
AWSLOGS_NEEDED = ["awslogs-group", "awslogs-region", "awslogs-stream-prefix"]
LEAST_MEMORY_MIB = 6  # of Docker
STORAGE_GIB = (21, 200)


def check(task, findings):
    check_task(task, findings)
    for container in task.containers:
        check_ranges(task, container, findings)
        check_network(task, container, findings)
        check_logs(task, container, findings)
        check_mounts(task, container, findings)
        check_secrets(container, findings)
    check_cpu(task, findings)
    check_memory(task, findings)
    check_dependencies(task, findings)


def cpu_units(value):
    """Of the task: `1024`, `1 vCPU` or `.5 vcpu`."""
    match = re.fullmatch(r"([0-9]{0,9}\.?[0-9]{1,9}) *(vcpu)?", str(value or "").strip().lower())
    return int(float(match[1]) * (1024 if match[2] else 1)) if match else None


def mebibytes(value):
    """Of the task: `2048`, `2GB` or `0.5 GB`."""
    match = re.fullmatch(r"([0-9]{0,9}\.?[0-9]{1,9}) *(gb)?", str(value or "").strip().lower())
    return int(float(match[1]) * (1024 if match[2] else 1)) if match else None


def check_task(task, findings):
    names = [container.name for container in task.containers]
    for name in sorted({name for name in names if names.count(name) > 1}):
        findings.mistake("containerDefinitions", f"two containers are called '{name}'")
    if task.containers and not any(container.is_essential for container in task.containers):
        findings.mistake("containerDefinitions", "no container is essential; ECS wants one: the application")
    system = task.get("runtimePlatform", {}).get("operatingSystemFamily", "LINUX")
    if system != "LINUX" and not is_placeholder(system):
        findings.mistake("runtimePlatform.operatingSystemFamily", "taskdns is for LINUX")
    storage = whole(task.get("ephemeralStorage", {}).get("sizeInGiB"))
    check_range("ephemeralStorage.sizeInGiB", storage, *STORAGE_GIB, findings)


def check_range(place, value, least, most, findings):
    if whole(value) is not None and not least <= value <= most:
        findings.mistake(place, f"is {value}; ECS takes {least} to {most}")


def check_ranges(task, container, findings):
    for key, (least, most) in HEALTH_CHECK_RANGES.items():
        check_range(container.at(f"healthCheck.{key}"), container.get("healthCheck", {}).get(key), least, most, findings)
    policy = container.get("restartPolicy", {})
    check_range(container.at("restartPolicy.restartAttemptPeriod"), policy.get("restartAttemptPeriod"), 60, 1800, findings)
    if len(policy.get("ignoredExitCodes") or []) > 50:
        findings.mistake(container.at("restartPolicy.ignoredExitCodes"), "ECS takes 50 of them")
    for key in ("startTimeout", "stopTimeout"):
        check_range(container.at(key), container.get(key), 2 if task.is_fargate else 0, 120 if task.is_fargate else 86400,
                    findings)


def check_network(task, container, findings):
    if task.network_mode == "awsvpc":
        for key in NOT_IN_AWSVPC:
            if container.get(key):
                mend = "; taskdns writes resolv.conf instead (resolv_conf.manage)" if key == "dnsServers" else ""
                findings.mistake(container.at(key), f"is not supported in network mode awsvpc: remove it{mend}")
        for i, mapping in enumerate(container.get("portMappings", [])):
            if mapping.get("hostPort") not in (None, mapping.get("containerPort")):
                findings.mistake(container.at(f"portMappings[{i}].hostPort"),
                                 "must be left out in network mode awsvpc, or be the containerPort")
    if task.network_mode == "host":
        for i, control in enumerate(container.get("systemControls", [])):
            if str(control.get("namespace", "")).startswith("net."):
                findings.mistake(container.at(f"systemControls[{i}]"), "of the network are not supported in network mode host")


def check_logs(task, container, findings):
    if container.log_driver == "awslogs":
        for option in AWSLOGS_NEEDED:
            if not container.log_options.get(option):
                findings.mistake(container.at("logConfiguration.options"), f"lacks {option}")
    routers = [one for one in task.containers if one.get("firelensConfiguration")]
    if container.log_driver == "awsfirelens" and not routers:
        findings.mistake(container.at("logConfiguration.logDriver"), "is awsfirelens, but no container has a firelensConfiguration: "
                                                                     "add the log router")


def check_mounts(task, container, findings):
    volumes = {volume.get("name") for volume in task.get("volumes", [])}
    for i, mount in enumerate(container.get("mountPoints", [])):
        if mount.get("sourceVolume") not in volumes:
            findings.mistake(container.at(f"mountPoints[{i}].sourceVolume"),
                             f"'{mount.get('sourceVolume')}' is not one of volumes")


def check_secrets(container, findings):
    variables = {pair.get("name") for pair in container.get("environment", [])}
    for i, secret in enumerate(container.get("secrets", [])):
        if secret.get("name") in variables:
            findings.mistake(container.at(f"secrets[{i}].name"), f"{secret.get('name')} is one of environment, too: keep one")


def check_cpu(task, findings):
    units, total = cpu_units(task.get("cpu")), sum(whole(container.get("cpu")) or 0 for container in task.containers)
    if units is not None and total > units:
        findings.mistake("cpu", f"is {task.get('cpu')}, but the containers reserve {total} units")


def check_memory(task, findings):
    total = 0
    for container in task.containers:
        hard, soft = whole(container.get("memory")), whole(container.get("memoryReservation"))
        total += soft or hard or 0
        if hard is not None and soft is not None and hard <= soft:
            findings.mistake(container.at("memory"), f"is {hard}, and must be greater than memoryReservation, {soft}")
        if hard is not None and hard < LEAST_MEMORY_MIB:
            findings.mistake(container.at("memory"), f"is {hard} MiB; Docker gives {LEAST_MEMORY_MIB} at least")
        if not {"memory", "memoryReservation"} & set(container.raw) and not task.get("memory"):
            findings.mistake(container.at("memory"), "is missing; where the task has no memory, each container needs its own")
    of_the_task = mebibytes(task.get("memory"))
    if of_the_task is not None and total > of_the_task:
        findings.mistake("memory", f"is {of_the_task} MiB, but the containers reserve {total}")


def check_dependencies(task, findings):
    for container in task.containers:
        for i, (name, condition) in enumerate(container.dependencies):
            place = container.at(f"dependsOn[{i}]")
            other = task.by_name.get(name)
            if other is None:
                findings.mistake(place, f"there is no container '{name}'")
            elif condition == "HEALTHY" and not other.get("healthCheck"):
                findings.mistake(place, f"waits for '{name}' to be HEALTHY, which has no healthCheck; "
                                        "ECS does not look at the image's own")
            elif condition in ("SUCCESS", "COMPLETE") and other.is_essential:
                findings.mistake(place, f"waits for the end of '{name}', which is essential: its end would stop the task")
        if container.name in reachable(task, container.name):
            findings.mistake(container.at("dependsOn"), "waits for itself, through the others")


def reachable(task, name):
    """All containers that it waits for, directly or through others."""
    found, todo = set(), [name]
    while todo:
        container = task.by_name.get(todo.pop())
        for other, _ in container.dependencies if container else []:
            if other not in found:
                found.add(other)
                todo.append(other)
    return found
