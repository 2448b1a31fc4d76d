"""Runs a program as its systemd unit would, without systemd: the user, the root, the capabilities and the system call
filter that the unit names. What is not imitated: the mounts other than the root's, and cgroups.
"""

import ctypes
import errno
import os
import re
import socket

import seccomp

from support import output

PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_SET_MDWE = 38, 24, 8, 47, 65
PR_CAP_AMBIENT_RAISE = 2
CAPABILITIES = {"CAP_NET_BIND_SERVICE": 10}
LAST_CAPABILITY = 63  # more than any kernel has; those that it does not know are refused
libc = ctypes.CDLL(None, use_errno=True)


class Unit:
    """The [Service] section; a setting that is given twice is a list."""

    def __init__(self, text):
        self.values = {}
        section = ""
        for line in text.splitlines():
            if line.startswith("["):
                section = line
            elif section == "[Service]" and "=" in line and not line.startswith("#"):
                name, value = line.split("=", 1)
                self.values.setdefault(name, []).append(value)

    def __getitem__(self, name):
        return self.values[name][-1]

    def all(self, name):
        return self.values[name]


def calls_of(names):
    """The system calls of a list of names and @groups, as systemd itself has them."""
    found = set()
    for name in names:
        if name.startswith("@"):
            # systemd 255 writes an escape sequence even where there is no terminal.
            text = re.sub(r"\x1b\[[0-9;]*m", "", output("systemd-analyze", "syscall-filter", "--no-pager", name))
            found |= calls_of([line.strip() for line in text.splitlines()[1:] if line.strip() and "#" not in line])
        else:
            found.add(name)
    return found


def allowed_calls(unit):
    allowed = set()
    for line in unit.all("SystemCallFilter"):
        if line.startswith("~"):
            allowed -= calls_of(line[1:].split())
        else:
            allowed |= calls_of(line.split())
    return allowed


def build_filter(unit):
    """Made before the fork: it asks systemd-analyze."""
    number = getattr(errno, unit["SystemCallErrorNumber"])
    built = seccomp.SyscallFilter(seccomp.ERRNO(number))
    families = [getattr(socket, name) for name in unit["RestrictAddressFamilies"].split()]
    for name in allowed_calls(unit) - {"socket"}:
        try:
            built.add_rule(seccomp.ALLOW, name)
        except (RuntimeError, OSError, ValueError):
            continue  # a call of another architecture
    for family in families:
        built.add_rule(seccomp.ALLOW, "socket", seccomp.Arg(0, seccomp.EQ, family))
    return built


class CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class CapabilityData(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


def must(outcome, what):
    if outcome != 0:
        raise OSError(ctypes.get_errno(), what)


def become(unit, root, user):
    """What the child calls before it becomes the program; `user` 0: the root of a user namespace, who cannot change."""
    built = build_filter(unit)
    bounding = {CAPABILITIES[name] for name in unit["CapabilityBoundingSet"].split()}
    ambient = {CAPABILITIES[name] for name in unit["AmbientCapabilities"].split()}
    mask = sum(1 << number for number in ambient)

    def in_the_child():
        os.chroot(root)
        os.chdir("/")
        os.umask(int(unit["UMask"], 8))
        for number in set(range(LAST_CAPABILITY)) - bounding:
            libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
        must(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "keep capabilities")
        if user:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
        data = (CapabilityData * 2)(CapabilityData(mask, mask, mask))
        must(libc.capset(ctypes.byref(CapabilityHeader(0x20080522, 0)), data), "capset")
        for number in ambient:
            must(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0), "ambient capability")
        must(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
        libc.prctl(PR_SET_MDWE, 1, 0, 0, 0)  # Linux 6.3; systemd has a filter of its own where it is older
        built.load()

    return in_the_child
