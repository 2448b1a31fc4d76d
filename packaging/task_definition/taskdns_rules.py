"""What a task needs for taskdns to work in it, and never to be the cause of an outage. docs/ecs.md has the reasons."""
from task_definition import configuration_rules, health_rules
from task_definition.daemon import settings_of
from task_definition.ecs_rules import reachable
from task_definition.task import Role, is_placeholder, mentions_taskdns, whole

PORT_START = "net.ipv4.ip_unprivileged_port_start"
DEFAULT_STOP_TIMEOUT_SECONDS = 30
LEAST_MEMORY_MIB = 32
CRASHES = range(128, 256)  # ended by a signal: 137 is out of memory


def check(task, binary, findings):
    sidecars = task.of(Role.SIDECAR)
    if not sidecars:
        check_absence(task, findings)
        return
    for other in sidecars[1:]:
        findings.mistake(other.at("image"), f"'{sidecars[0].name}' is a sidecar already; one per task is enough")
    sidecar = sidecars[0]
    settings = settings_of(sidecar.environment)
    is_read = {container.name: configuration_rules.check(task, container, binary, findings)
               for container in task.of(Role.SIDECAR, Role.INIT, Role.SHIM, Role.TOOL)}
    known = is_read[sidecar.name] and settings.is_yaml
    check_network_mode(task, findings)
    check_life(sidecar, settings, findings)
    health_rules.check(sidecar, binary, settings if known else None, findings)
    writers = writers_of(task, sidecar, settings)
    check_waiting(task, sidecar, writers or not known, findings)
    check_ports(task, sidecar, settings, findings)
    check_resolv_conf(sidecar, settings, writers, findings)
    if known and not writers and settings.serves_port_53:
        findings.note("containerDefinitions", "nobody writes /etc/resolv.conf (resolv_conf.manage, resolv-conf apply or exec), so "
                                              "applications must ask taskdns themselves")
    check_files(sidecar, settings, findings)
    check_privileges(task, findings)
    check_applications(task, findings)
    for container in task.of(Role.APPLICATION):
        configuration_rules.check_other(container, sidecar, findings)


def check_absence(task, findings):
    if not mentions_taskdns(task.raw):
        findings.note("containerDefinitions", "no taskdns here: nothing but ECS's own rules was checked")
    elif all(container.image for container in task.containers):
        findings.mistake("containerDefinitions", "no container runs the daemon: one needs the image of taskdns (a repository "
                                                 "called taskdns), with the command run or none")


def check_network_mode(task, findings):
    if task.network_mode in ("bridge", "none", "default"):
        findings.mistake("networkMode", f"is {task.network_mode}: each container has a loopback and a resolv.conf of its own, so "
                                        "the application cannot reach the sidecar; set it to awsvpc")
    elif task.network_mode == "host":
        findings.note("networkMode", "is host: two tasks on one instance collide on taskdns's ports, and resolv.conf may be the "
                                     "host's; give each task ports of its own, or use awsvpc")


def check_life(sidecar, settings, findings):
    if sidecar.get("essential", True) is True:
        findings.mistake(sidecar.at("essential"), "is true (the default), so the end of taskdns would end the application: "
                                                  "set it to false")
    policy = sidecar.get("restartPolicy", {})
    if policy.get("enabled") in (None, False):
        findings.mistake(sidecar.at("restartPolicy"), 'is missing, so nobody restarts taskdns: set {"enabled": true, '
                                                      '"restartAttemptPeriod": 60}')
    for code in policy.get("ignoredExitCodes") or []:
        if code == 1 or code in CRASHES:
            findings.mistake(sidecar.at("restartPolicy.ignoredExitCodes"), f"{code} is how a failure ends: take it out")
    stop_timeout = whole(sidecar.get("stopTimeout", DEFAULT_STOP_TIMEOUT_SECONDS))
    if stop_timeout is not None and stop_timeout <= settings.linger_seconds:
        findings.mistake(sidecar.at("stopTimeout"), f"is {stop_timeout} s; after SIGTERM taskdns answers for up to "
                                                    f"{settings.linger_seconds:g} s (shutdown.linger), so it would be killed: "
                                                    f"set it to {int(settings.linger_seconds) + 5}")
    memory = whole(sidecar.get("memory"))
    if memory is not None and memory < LEAST_MEMORY_MIB:
        findings.mistake(sidecar.at("memory"), f"is {memory} MiB; taskdns needs 10 to 50, so set {LEAST_MEMORY_MIB} or more")
    if not sidecar.get("logConfiguration"):
        findings.mistake(sidecar.at("logConfiguration"), "is missing; without its log nobody learns why taskdns ended")
    elif sidecar.log_driver == "awslogs" and sidecar.log_options.get("mode") != "non-blocking":
        findings.mistake(sidecar.at("logConfiguration.options"), 'lacks "mode": "non-blocking" (with max-buffer-size)')


def check_waiting(task, sidecar, is_needed, findings):
    before = reachable(task, sidecar.name)
    for container in task.of(Role.APPLICATION, Role.SHIM):
        if not container.is_essential or container.name in before or container.get("firelensConfiguration"):
            continue
        enough = {(sidecar.name, "HEALTHY")}
        if container.role is Role.SHIM:
            enough.add((sidecar.name, "START"))  # taskdns exec itself waits until the sidecar is ready
        lack = f'lacks {{"containerName": "{sidecar.name}", "condition": "HEALTHY"}}'
        if not enough & set(container.dependencies):
            if is_needed:
                findings.mistake(container.at("dependsOn"), f"{lack}: it would start before taskdns answers, and be stopped after it")
            else:
                findings.note(container.at("dependsOn"), f"{lack}; right only if its client goes on by itself while taskdns does not "
                                                         "answer, from the first second on")
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
    if not low or (start is not None and start.isdecimal() and float(start) <= min(low)):
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


def writers_of(task, sidecar, settings):
    return [*([sidecar] if settings.manages_resolv_conf else []), *task.of(Role.INIT, Role.SHIM)]


def check_resolv_conf(sidecar, settings, writers, findings):
    for writer in writers:
        if writer.user is None:
            findings.note(writer.at("user"), "taskdns exec writes /etc/resolv.conf as root; what user the image has is not seen here")
        elif not writer.is_root:
            mend = ("set \"user\": \"0\"" if writer is not sidecar else
                    'set "user": "0", or leave it to an init container (packaging/ecs/init.json)')
            findings.mistake(writer.at("user"), f"is {writer.user}, who may not write /etc/resolv.conf (root's, 0644): {mend}")
        if writer.get("readonlyRootFilesystem") is True:
            findings.mistake(writer.at("readonlyRootFilesystem"), "is true, and then Docker mounts /etc/resolv.conf read-only, too: "
                                                                  "set it to false in the container that writes it")
        if not settings_of(writer.environment).keeps_fallback and "--fallback" not in writer.taskdns_words:
            findings.note(writer.at("environment"), "resolv_conf.fallback is off, so while taskdns is down nothing resolves; on is safer, "
                                                    "unless the application has musl (Alpine), which would then ask both at once")
    if any(writer is not sidecar for writer in writers) and not settings.serves_port_53:
        findings.mistake(sidecar.at("environment"), "resolv.conf cannot say a port: one of listen.dns must be on 53")


def check_files(sidecar, settings, findings):
    if not settings.snapshot:
        return
    mounted = any(settings.snapshot.startswith(path.rstrip("/") + "/") for path in sidecar.writable_mounts)
    if sidecar.get("readonlyRootFilesystem") is True and not mounted:
        findings.mistake(sidecar.at("mountPoints"), f"snapshot is {settings.snapshot}, but the root file system is read-only and no "
                                                    "volume is mounted there")
    elif not mounted and sidecar.is_taskdns_image and (not sidecar.is_root or settings.snapshot.rfind("/") > 0):
        findings.note(sidecar.at("mountPoints"), f"snapshot is {settings.snapshot}; our image has no folder for it, and only root may "
                                                 "write: /members.json as root, or a volume (docs/ecs.md#files-on-volumes)")
    elif mounted and not sidecar.is_root:
        findings.note(sidecar.at("mountPoints"), f"snapshot is on a volume, which is root's (0755) unless the image has a VOLUME there "
                                                 f"that belongs to user {sidecar.user} (docs/ecs.md#files-on-volumes)")


def check_privileges(task, findings):
    for container in task.of(Role.SIDECAR, Role.INIT):
        if container.is_root and not container.capabilities("drop"):
            findings.note(container.at("linuxParameters.capabilities.drop"),
                          "is missing: root with Docker's capabilities; packaging/ecs has the list of those that taskdns does not need")
    for container in task.of(Role.SHIM):
        ours = container.taskdns_words[:container.taskdns_words.index("--")] if "--" in container.taskdns_words else []
        if container.is_root and not any(word == "--user" or word.startswith("--user=") for word in ours):
            findings.note(container.at("entryPoint"), "lacks --user UID, so the application stays root after taskdns exec")


def check_applications(task, findings):
    for container in task.of(Role.APPLICATION):
        if container.get("readonlyRootFilesystem") is True and not container.writable_mounts:
            findings.note(container.at("readonlyRootFilesystem"), "is true and nothing writable is mounted; most programs need /tmp: "
                                                                  "a volume (docs/ecs.md#files-on-volumes)")
    for container in task.of(Role.APPLICATION, Role.SHIM):
        if container.log_driver == "awslogs" and container.log_options.get("mode") != "non-blocking":
            findings.note(container.at("logConfiguration.options"), 'lacks "mode": "non-blocking" (with max-buffer-size): while '
                                                                    "CloudWatch does not take the log, the application may stand still")
