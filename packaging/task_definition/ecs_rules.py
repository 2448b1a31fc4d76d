"""What ECS refuses, or silently ignores, beyond the shape of the request: as its documentation says it."""
import re

FARGATE_MEMORY = {  # MiB for each number of CPU units
    256: [512, 1024, 2048],
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16384, 61440 + 1, 4096),
    16384: range(32768, 122880 + 1, 8192),
}
HEALTH_CHECK_RANGES = {"interval": (5, 300), "timeout": (2, 60), "retries": (1, 10), "startPeriod": (0, 300)}
NOT_IN_AWSVPC = ["dnsServers", "dnsSearchDomains", "extraHosts", "hostname", "links"]
AWSLOGS_NEEDED = ["awslogs-group", "awslogs-region", "awslogs-stream-prefix"]
LEAST_MEMORY_MIB = 6  # of Docker


def check(task, findings):
    check_task(task, findings)
    for container in task.containers:
        check_ranges(task, container, findings)
        check_network(task, container, findings)
        check_logs(container, findings)
        check_mounts(task, container, findings)
        if task.is_fargate:
            check_fargate(container, findings)
    check_memory(task, findings)
    check_dependencies(task, findings)


def number(value):
    return int(value) if re.fullmatch(r"\d+", str(value or "")) else None


def check_task(task, findings):
    names = [container.name for container in task.containers]
    for name in sorted({name for name in names if names.count(name) > 1}):
        findings.mistake("containerDefinitions", f"two containers are called '{name}'")
    if task.containers and not any(container.is_essential for container in task.containers):
        findings.mistake("containerDefinitions", "no container is essential; ECS wants one: the application")
    if task.get("runtimePlatform", {}).get("operatingSystemFamily", "LINUX") != "LINUX":
        findings.mistake("runtimePlatform.operatingSystemFamily", "taskdns is for LINUX")
    if not task.is_fargate:
        return
    if task.network_mode != "awsvpc":
        findings.mistake("networkMode", f"is {task.network_mode}; Fargate has only awsvpc")
    cpu, memory = number(task.get("cpu")), number(task.get("memory"))
    if cpu not in FARGATE_MEMORY:
        findings.mistake("cpu", f"is {task.get('cpu')}; Fargate has {', '.join(map(str, FARGATE_MEMORY))}")
    elif memory not in FARGATE_MEMORY[cpu]:
        sizes = list(FARGATE_MEMORY[cpu])
        findings.mistake("memory", f"is {task.get('memory')}; with {cpu} CPU units Fargate has {sizes[0]} to {sizes[-1]} MiB, "
                                   f"in steps of {sizes[1] - sizes[0]}")
    awslogs = any(one.get("logConfiguration", {}).get("logDriver") == "awslogs" for one in task.containers)
    if awslogs and not task.get("executionRoleArn"):
        findings.mistake("executionRoleArn", "is missing; on Fargate the awslogs driver and ECR need one "
                                             "(the managed policy AmazonECSTaskExecutionRolePolicy)")


def check_range(place, value, least, most, findings):
    if isinstance(value, int) and not least <= value <= most:
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


def check_logs(container, findings):
    logs = container.get("logConfiguration", {})
    if logs.get("logDriver") == "awslogs":
        for option in AWSLOGS_NEEDED:
            if not (logs.get("options") or {}).get(option):
                findings.mistake(container.at("logConfiguration.options"), f"lacks {option}")


def check_mounts(task, container, findings):
    volumes = {volume.get("name") for volume in task.get("volumes", [])}
    for i, mount in enumerate(container.get("mountPoints", [])):
        if mount.get("sourceVolume") not in volumes:
            findings.mistake(container.at(f"mountPoints[{i}].sourceVolume"),
                             f"'{mount.get('sourceVolume')}' is not one of volumes")


def check_fargate(container, findings):
    if container.get("privileged"):
        findings.mistake(container.at("privileged"), "is not supported on Fargate")
    if container.get("linuxParameters", {}).get("tmpfs"):
        findings.mistake(container.at("linuxParameters.tmpfs"), "is not supported on Fargate: use a volume")
    for word in container.capabilities("add"):
        if word != "SYS_PTRACE":
            findings.mistake(container.at("linuxParameters.capabilities.add"),
                             f"{word} cannot be added on Fargate, only SYS_PTRACE")


def check_memory(task, findings):
    total = 0
    for container in task.containers:
        hard, soft = container.get("memory"), container.get("memoryReservation")
        total += (soft or hard or 0) if isinstance(soft or hard or 0, int) else 0
        if hard is not None and soft is not None and hard <= soft:
            findings.mistake(container.at("memory"), f"is {hard}, and must be greater than memoryReservation, {soft}")
        if isinstance(hard, int) and hard < LEAST_MEMORY_MIB:
            findings.mistake(container.at("memory"), f"is {hard} MiB; Docker gives {LEAST_MEMORY_MIB} at least")
        if hard is None and soft is None and not task.get("memory"):
            findings.mistake(container.at("memory"), "is missing; where the task has no memory, each container needs its own")
    whole = number(task.get("memory"))
    if whole is not None and total > whole:
        findings.mistake("memory", f"is {whole} MiB, but the containers reserve {total}")


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
