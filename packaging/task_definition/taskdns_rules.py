"""What a task needs for taskdns to work in it, and never to be the cause of an outage. docs/ecs.md has the reasons."""
from task_definition.daemon import VARIABLES, settings_of
from task_definition.ecs_rules import reachable
from task_definition.task import Role

PORT_START = "net.ipv4.ip_unprivileged_port_start"
HEALTH_INTERVAL_SECONDS = 5
DEFAULT_STOP_TIMEOUT_SECONDS = 30
LEAST_MEMORY_MIB = 32
CRASHES = range(128, 256)  # ended by a signal: 137 is out of memory


def check(task, binary, findings):
    sidecars = task.of(Role.SIDECAR)
    if not sidecars:
        findings.mistake("containerDefinitions", "no container runs the daemon: one needs the image of taskdns (a repository "
                                                 "called taskdns), with the command run or none")
        return
    for other in sidecars[1:]:
        findings.mistake(other.at("image"), f"'{sidecars[0].name}' is a sidecar already; one per task is enough")
    sidecar = sidecars[0]
    settings = settings_of(sidecar.environment)
    check_network_mode(task, findings)
    check_life(sidecar, settings, findings)
    check_health_check(sidecar, binary, findings)
    check_waiting(task, sidecar, findings)
    check_ports(task, sidecar, settings, findings)
    check_resolv_conf(task, sidecar, settings, findings)
    check_files(sidecar, settings, findings)
    for container in task.of(Role.SIDECAR, Role.INIT, Role.SHIM, Role.TOOL):
        check_command(container, binary, findings)
        check_configuration(container, binary, findings)
    for container in task.containers:
        check_image(container, findings)


def check_network_mode(task, findings):
    if task.network_mode in ("bridge", "none", "default"):
        findings.mistake("networkMode", f"is {task.network_mode}: each container has a loopback and a resolv.conf of its own, so "
                                        "the application cannot reach the sidecar; set it to awsvpc")
    elif task.network_mode == "host":
        findings.note("networkMode", "is host: two tasks on one instance collide on taskdns's ports, and resolv.conf may be the "
                                     "host's; give each task ports of its own, or use awsvpc")


def check_life(sidecar, settings, findings):
    if sidecar.is_essential:
        findings.mistake(sidecar.at("essential"), "is true (the default), so the end of taskdns would end the application: "
                                                  "set it to false")
    policy = sidecar.get("restartPolicy", {})
    if policy.get("enabled") is not True:
        findings.mistake(sidecar.at("restartPolicy"), 'is missing, so nobody restarts taskdns: set {"enabled": true, '
                                                      '"restartAttemptPeriod": 60}')
    for code in policy.get("ignoredExitCodes") or []:
        if code == 1 or code in CRASHES:
            findings.mistake(sidecar.at("restartPolicy.ignoredExitCodes"), f"{code} is how a failure ends: take it out")
    stop_timeout = sidecar.get("stopTimeout", DEFAULT_STOP_TIMEOUT_SECONDS)
    if isinstance(stop_timeout, int) and stop_timeout <= settings.linger_seconds:
        findings.mistake(sidecar.at("stopTimeout"), f"is {stop_timeout} s; after SIGTERM taskdns answers for up to "
                                                    f"{settings.linger_seconds:g} s (shutdown.linger), so it would be killed: "
                                                    f"set it to {int(settings.linger_seconds) + 5}")
    memory = sidecar.get("memory")
    if isinstance(memory, int) and memory < LEAST_MEMORY_MIB:
        findings.mistake(sidecar.at("memory"), f"is {memory} MiB; taskdns needs 10 to 50, so set {LEAST_MEMORY_MIB} or more")
    logs = sidecar.get("logConfiguration")
    if not logs:
        findings.mistake(sidecar.at("logConfiguration"), "is missing; without its log nobody learns why taskdns ended")
    elif logs.get("logDriver") == "awslogs" and (logs.get("options") or {}).get("mode") != "non-blocking":
        findings.mistake(sidecar.at("logConfiguration.options"), 'lacks "mode": "non-blocking" (with max-buffer-size)')


def check_health_check(sidecar, binary, findings):
    check = sidecar.get("healthCheck")
    if not check:
        findings.mistake(sidecar.at("healthCheck"), 'is missing (ECS ignores the image\'s own): set {"command": ["CMD", '
                                                    '"/taskdns", "healthcheck"], "interval": 5}')
        return
    command = [str(word) for word in check.get("command") or []]
    if command[:1] != ["CMD"]:
        findings.mistake(sidecar.at("healthCheck.command"), f"begins with {command[0] if command else 'nothing'}; the image has "
                                                            'no shell: ["CMD", "/taskdns", "healthcheck"]')
    elif sidecar.argv and command[1:2] != sidecar.argv[:1]:
        findings.mistake(sidecar.at("healthCheck.command"), f"runs {command[1] if command[1:] else 'nothing'}, but the "
                                                            f"container's program is {sidecar.argv[0]}")
    elif command[2:3] != ["healthcheck"]:
        findings.mistake(sidecar.at("healthCheck.command"), 'is not ["CMD", "/taskdns", "healthcheck"]')
    elif binary and (unknown := binary.unknown_word(command[2:])):
        findings.mistake(sidecar.at("healthCheck.command"), f"taskdns does not know '{unknown[0]}' there (it knows "
                                                            f"{', '.join(unknown[1])})")
    if check.get("interval") != HEALTH_INTERVAL_SECONDS:
        findings.mistake(sidecar.at("healthCheck.interval"), f"is {check.get('interval', '30 (the default)')}; the application "
                                                             f"waits for it to start: set {HEALTH_INTERVAL_SECONDS}")


def check_waiting(task, sidecar, findings):
    before = reachable(task, sidecar.name)
    for container in task.of(Role.APPLICATION, Role.SHIM):
        if not container.is_essential or container.name in before or container.get("firelensConfiguration"):
            continue
        enough = {(sidecar.name, "HEALTHY")}
        if container.role is Role.SHIM:
            enough.add((sidecar.name, "START"))  # taskdns exec itself waits until the sidecar is ready
        if not enough & set(container.dependencies):
            findings.mistake(container.at("dependsOn"), f'lacks {{"containerName": "{sidecar.name}", "condition": "HEALTHY"}}: it '
                                                        "would start before taskdns answers, and be stopped after it")
        for init in task.of(Role.INIT):
            if not {(init.name, "SUCCESS"), (init.name, "COMPLETE")} & set(container.dependencies):
                findings.mistake(container.at("dependsOn"), f'lacks {{"containerName": "{init.name}", "condition": "SUCCESS"}}: it '
                                                            "would read resolv.conf before that is written")


def check_ports(task, sidecar, settings, findings):
    taken = {}
    for port in settings.dns_ports:
        taken[port, "udp"] = taken[port, "tcp"] = f"'{sidecar.name}' (listen.dns)"
    for port in settings.http_ports:
        taken[port, "tcp"] = f"'{sidecar.name}' (listen.http)"
    for container in task.containers:
        for i, mapping in enumerate(container.get("portMappings", [])):
            port = (mapping.get("containerPort"), mapping.get("protocol", "tcp"))
            if port in taken and (container is not sidecar or port[0] not in settings.dns_ports + settings.http_ports):
                findings.mistake(container.at(f"portMappings[{i}].containerPort"),
                                 f"port {port[0]}/{port[1]} is also that of {taken[port]}; the containers of a task share them")
            taken.setdefault(port, f"'{container.name}'")
    low = [port for port in settings.dns_ports + settings.http_ports if port < 1024]
    start = task.system_control(PORT_START)
    if not low or (start is not None and start.isdigit() and int(start) <= min(low)):
        return
    dropped = {"ALL", "NET_BIND_SERVICE"} & set(sidecar.capabilities("drop"))
    control = f'{{"namespace": "{PORT_START}", "value": "{min(low)}"}}'
    if sidecar.is_root and dropped:
        findings.mistake(sidecar.at("linuxParameters.capabilities.drop"),
                         f"port {min(low)} needs NET_BIND_SERVICE: drop the others one by one, or set systemControls {control}")
    elif not sidecar.is_root and (dropped or "no-new-privileges" in sidecar.get("dockerSecurityOptions", [])):
        findings.mistake(sidecar.at("systemControls"), f"port {min(low)} needs a right that user {sidecar.user} has not: add {control}")
    elif not sidecar.is_root:
        findings.note(sidecar.at("systemControls"), f"port {min(low)} is had by the file capability of the image only; to be sure of it, "
                                                    f"add {control}")


def check_resolv_conf(task, sidecar, settings, findings):
    writers = [sidecar] if settings.manages_resolv_conf else []
    writers += task.of(Role.INIT, Role.SHIM)
    for writer in writers:
        if writer.user is None:
            findings.note(writer.at("user"), "taskdns exec writes /etc/resolv.conf as root; what user the image has is not seen here")
        elif not writer.is_root:
            mend = ("set \"user\": \"0\"" if writer is not sidecar else
                    'set "user": "0", or leave it to an init container (packaging/ecs/init.json)')
            findings.mistake(writer.at("user"), f"is {writer.user}, who may not write /etc/resolv.conf (root's, 0644): {mend}")
        if writer.get("readonlyRootFilesystem"):
            findings.mistake(writer.at("readonlyRootFilesystem"), "is true, and then Docker mounts /etc/resolv.conf read-only, too: "
                                                                  "set it to false in the container that writes it")
        if not settings_of(writer.environment).keeps_fallback and "--fallback" not in writer.taskdns_words:
            findings.note(writer.at("environment"), "resolv_conf.fallback is off, so while taskdns is down nothing resolves; on is safer, "
                                                    "unless the application has musl (Alpine), which would then ask both at once")
    if any(writer is not sidecar for writer in writers) and not settings.serves_port_53:
        findings.mistake(sidecar.at("environment"), "resolv.conf cannot say a port: one of listen.dns must be on 53")
    if not writers and settings.serves_port_53:
        findings.note("containerDefinitions", "nobody writes /etc/resolv.conf (resolv_conf.manage, resolv-conf apply or exec), so "
                                              "applications must ask taskdns themselves")


def check_files(sidecar, settings, findings):
    if not settings.snapshot or not sidecar.get("readonlyRootFilesystem"):
        return
    mounts = [mount for mount in sidecar.get("mountPoints", []) if not mount.get("readOnly")]
    if not any(settings.snapshot.startswith(str(mount.get("containerPath", "")).rstrip("/") + "/") for mount in mounts):
        findings.mistake(sidecar.at("mountPoints"), f"snapshot is {settings.snapshot}, but the root file system is read-only and no "
                                                    "volume is mounted there")


def check_command(container, binary, findings):
    unknown = binary.unknown_word(container.taskdns_words) if binary else None
    if unknown:
        findings.mistake(container.at("command"), f"taskdns does not know '{unknown[0]}' (it knows {', '.join(unknown[1])})")


def check_configuration(container, binary, findings):
    names = [str(pair.get("name")) for pair in container.get("environment", [])]
    for name in sorted({name for name in names if names.count(name) > 1}):
        findings.mistake(container.at("environment"), f"{name} is there twice")
    for name in names:
        if name.startswith("TASKDNS_") and name not in VARIABLES:
            findings.mistake(container.at("environment"), f"{name} is not a variable of taskdns (known: {', '.join(VARIABLES)})")
    elsewhere = [str(one.get("name")) for one in container.get("secrets", [])]
    if container.get("environmentFiles") or {"TASKDNS_CONFIG_CONTENT", "TASKDNS_SERVICES"} & set(elsewhere):
        findings.note(container.at("environment"), "a part of the configuration comes from elsewhere and is not checked here")
    elif any(word in ("-c", "--config") or word.startswith("--config=") for word in container.taskdns_words or []):
        findings.note(container.at("command"), "the configuration file is not checked here: taskdns check-config FILE")
    elif container.role is not Role.SIDECAR and not any(name.startswith("TASKDNS_") for name in names):
        return  # it goes by the defaults
    elif binary is None:
        findings.note(container.at("environment"), "the configuration is not checked: give the program with --taskdns PATH")
    else:
        mistakes, notes = binary.complaints(container.environment)
        for line in mistakes:
            findings.mistake(container.at("environment"), line)
        for line in notes:
            findings.note(container.at("environment"), line)


def check_image(container, findings):
    if "${" in container.image:
        return  # said as a placeholder
    if "@sha256:" not in container.image:
        findings.note(container.at("image"), f"{container.image or 'nothing'} is not pinned: name@sha256:... is the same image in "
                                             "every task of a deployment, and tomorrow")
