"""A task definition as the rules see it: its containers, and what each is for."""
import enum
import json
import re

from task_definition.service_model import PLACEHOLDER

ROOT_USERS = {"0", "root"}


def mentions_taskdns(raw):
    return "taskdns" in json.dumps(raw, default=str).lower()


def whole(value):
    """A number; None where there is none, or only a stack knows it."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def is_placeholder(value):
    return isinstance(value, str) and PLACEHOLDER.search(value) is not None


class Role(enum.Enum):
    SIDECAR = "the daemon"
    INIT = "runs taskdns resolv-conf once"
    SHIM = "the application, started by taskdns exec"
    TOOL = "another command of taskdns"
    APPLICATION = "everything else"


class Container:
    def __init__(self, index, raw):
        self.raw = raw
        self.name = str(raw.get("name", f"number {index}"))
        self.place = f"containerDefinitions[{index}]"
        self.argv = self._argv()
        self.role = self._role()

    def at(self, key):
        """The place of one of its keys, with its name: an index alone is hard to find in a file."""
        return f"{self.place}.{key} ({self.name})"

    def get(self, key, default=None):
        value = self.raw.get(key)
        return default if value is None else value

    @property
    def image(self):
        return str(self.get("image", ""))

    @property
    def is_taskdns_image(self):
        repository = re.split(r"[:@]", self.image.rsplit("/", 1)[-1])[0]
        placeholder = re.sub(r"\W|_", "", self.image).lower()  # ${TASKDNS_IMAGE}, or a template's ${TaskdnsImage}
        return repository == "taskdns" or ("${" in self.image and placeholder == "taskdnsimage")

    def _argv(self):
        entry_point = self.get("entryPoint") or (["/taskdns"] if self.is_taskdns_image else [])
        return [str(word) for word in [*entry_point, *self.get("command", [])]]

    @property
    def taskdns_words(self):
        """What follows `taskdns` on its command line; None where that is another program."""
        if not self.argv or self.argv[0].rsplit("/", 1)[-1] != "taskdns":
            return None
        return self.argv[1:]

    def _role(self):
        words = self.taskdns_words
        if words is None:
            return Role.APPLICATION
        subcommand = subcommand_of(words)
        return {"run": Role.SIDECAR, "resolv-conf": Role.INIT, "exec": Role.SHIM}.get(subcommand, Role.TOOL)

    @property
    def user(self):
        """Without a group. The image of taskdns says 65532; what another image says, nobody knows here: None."""
        user = str(self.get("user", "")).split(":")[0]
        return user or ("65532" if self.is_taskdns_image else None)

    @property
    def is_root(self):
        return self.user in ROOT_USERS

    @property
    def environment(self):
        return {str(pair.get("name")): str(pair.get("value", "")) for pair in self.get("environment", [])}

    @property
    def is_essential(self):
        return self.get("essential", True) is not False

    @property
    def log_driver(self):
        return self.get("logConfiguration", {}).get("logDriver")

    @property
    def log_options(self):
        return self.get("logConfiguration", {}).get("options") or {}

    @property
    def writable_mounts(self):
        """Where volumes, and on EC2 a tmpfs, can be written."""
        mounts = [mount for mount in self.get("mountPoints", []) if mount.get("readOnly") is not True]
        return [str(mount.get("containerPath", "")) for mount in [*mounts, *self.get("linuxParameters", {}).get("tmpfs", [])]]

    @property
    def dependencies(self):
        """(name, condition) of those that it waits for."""
        return [(str(one.get("containerName")), one.get("condition")) for one in self.get("dependsOn", [])]

    def capabilities(self, what):
        return self.get("linuxParameters", {}).get("capabilities", {}).get(what) or []


def subcommand_of(words):
    """`run` where there is none, as taskdns itself takes it."""
    rest = iter(words)
    for word in rest:
        if word in ("-c", "--config"):
            next(rest, None)
        elif not word.startswith("-"):
            return word
    return "run"


class Task:
    def __init__(self, raw, stand_ins=None):
        self.raw = raw
        self.stand_ins = stand_ins or {}  # see cloudformation.Definition
        self.containers = [Container(i, one) for i, one in enumerate(raw.get("containerDefinitions") or [])]
        self.by_name = {container.name: container for container in self.containers}

    def get(self, key, default=None):
        value = self.raw.get(key)
        return default if value is None else value

    @property
    def network_mode(self):
        return self.get("networkMode", "bridge")  # ECS's default

    @property
    def is_fargate(self):
        return "FARGATE" in self.get("requiresCompatibilities", [])

    def of(self, *roles):
        return [container for container in self.containers if container.role in roles]

    @property
    def sidecar(self):
        return next(iter(self.of(Role.SIDECAR)), None)

    def system_control(self, namespace):
        """The value of a sysctl. In a task of network mode awsvpc it holds for all containers, whoever sets it."""
        for container in self.containers:
            for control in container.get("systemControls", []):
                if control.get("namespace") == namespace:
                    return str(control.get("value", ""))
        return None


def placeholders(value, place=""):
    """(place, names) of every text that still has a ${NAME} to be filled in."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from placeholders(inner, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from placeholders(inner, f"{place}[{i}]")
    elif isinstance(value, str) and PLACEHOLDER.search(value):
        yield place, PLACEHOLDER.findall(value)
