"""What Fargate refuses that EC2 takes: as ECS's documentation says it."""
from task_definition.ecs_rules import cpu_units, mebibytes
from task_definition.task import is_placeholder

MEMORY = {  # MiB for each number of CPU units
    256: [512, 1024, 2048],
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16384, 61440 + 1, 4096),
    16384: range(32768, 122880 + 1, 8192),
}
LOG_DRIVERS = ["awslogs", "splunk", "awsfirelens"]


def check(task, findings):
    if task.network_mode != "awsvpc" and not is_placeholder(task.network_mode):
        findings.mistake("networkMode", f"is {task.network_mode}; Fargate has only awsvpc")
    check_size(task, findings)
    awslogs = any(container.log_driver == "awslogs" for container in task.containers)
    if awslogs and not task.get("executionRoleArn"):
        findings.mistake("executionRoleArn", "is missing; on Fargate the awslogs driver and ECR need one "
                                             "(the managed policy AmazonECSTaskExecutionRolePolicy)")
    for i, volume in enumerate(task.get("volumes", [])):
        if volume.get("host", {}).get("sourcePath"):
            findings.mistake(f"volumes[{i}].host.sourcePath", "is not supported on Fargate: leave host out, the volume is the task's own")
        if volume.get("dockerVolumeConfiguration"):
            findings.mistake(f"volumes[{i}].dockerVolumeConfiguration", "is not supported on Fargate")
    for container in task.containers:
        check_container(container, findings)


def check_size(task, findings):
    if is_placeholder(task.get("cpu")) or is_placeholder(task.get("memory")):
        return
    cpu, memory = cpu_units(task.get("cpu")), mebibytes(task.get("memory"))
    if cpu not in MEMORY:
        findings.mistake("cpu", f"is {task.get('cpu')}; Fargate has {', '.join(map(str, MEMORY))}")
    elif memory not in MEMORY[cpu]:
        sizes = list(MEMORY[cpu])
        findings.mistake("memory", f"is {task.get('memory')}; with {cpu} CPU units Fargate has {sizes[0]} to {sizes[-1]} MiB, "
                                   f"in steps of {sizes[1] - sizes[0]}")


def check_container(container, findings):
    if container.get("privileged") is True:
        findings.mistake(container.at("privileged"), "is not supported on Fargate")
    if container.get("linuxParameters", {}).get("tmpfs"):
        findings.mistake(container.at("linuxParameters.tmpfs"), "is not supported on Fargate: use a volume")
    for word in container.capabilities("add"):
        if word != "SYS_PTRACE":
            findings.mistake(container.at("linuxParameters.capabilities.add"),
                             f"{word} cannot be added on Fargate, only SYS_PTRACE")
    driver = container.log_driver
    if driver and driver not in LOG_DRIVERS and not is_placeholder(driver):
        findings.mistake(container.at("logConfiguration.logDriver"), f"is {driver}; Fargate has {', '.join(LOG_DRIVERS)}")
