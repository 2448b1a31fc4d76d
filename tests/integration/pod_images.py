"""What the pod test's containers are made of: small roots with programs of this system, and the network's addresses.

The application's root is what an application has: a shell, the C library and its name look-up. The VPC's has knotd and
unbound, with the libraries that they are linked with.
"""
import pathlib
import shutil
import subprocess

SEARCH = "eu-central-1.compute.internal"
RESOLVER, ZONE_SERVER, TASK = "10.0.1.2", "10.0.1.3", "10.0.1.5"
BACKENDS = {f"backend-{n}": f"10.0.1.1{n}" for n in range(1, 5)}
SERVICE = "resource-server.local"
BACKEND_PORT = 8080
# As the ECS agent writes it; with a comment and an option, to see that nothing is lost.
ORIGINAL_RESOLV_CONF = f"# of the task\nnameserver {RESOLVER}\nsearch {SEARCH}\noptions timeout:2\n"


class Missing(Exception):
    """A program or file that the test needs."""


def find_program(name):
    found = shutil.which(name, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
    if not found:
        raise Missing(f"{name} is missing: packaging/install_dependencies.sh containers")
    return pathlib.Path(found)


def libraries_of(program):
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return [word for line in said.splitlines() for word in line.split() if word.startswith("/")]


def copy_into(root, source):
    """To the same path, a symbolic link as what it stands for."""
    target = root / str(source).lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        shutil.copy2(source, target)


def make_root(root, programs, files=()):
    """A root folder with busybox as its shell, and `programs` with their libraries."""
    busybox = find_program("busybox")
    for folder in ("bin", "etc", "tmp", "run", "dev", "proc", "sys"):
        (root / folder).mkdir(parents=True)
    shutil.copy2(busybox, root / "bin/busybox")
    for applet in ("sh", "cat", "sleep", "wget", "httpd", "echo", "true"):
        (root / "bin" / applet).symlink_to("busybox")
    for name in programs:
        program = find_program(name)
        copy_into(root, program)
        for library in libraries_of(program):
            copy_into(root, library)
    for file in files:
        copy_into(root, file)
    (root / "etc/passwd").write_text("root:x:0:0:root:/:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\n")
    return root


def make_application_root(root):
    """glibc's getent, with what it loads when it looks a name up."""
    make_root(root, ["getent"])
    libc_folder = pathlib.Path(next(path for path in libraries_of(find_program("getent")) if "libc.so" in path)).parent
    for library in ("libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2"):  # within libc.so.6 since glibc 2.34
        if (libc_folder / library).exists():
            copy_into(root, libc_folder / library)
    (root / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    return root


def write_vpc_files(folder):
    """The private hosted zone, its server, and the VPC resolver in front of it."""
    records = "".join(f"resource-server 1 A {address}\n" for address in BACKENDS.values())
    (folder / "local.zone").write_text(
        "$ORIGIN local.\n$TTL 1\n@ SOA ns hostmaster 1 1 1 1 1\n@ NS ns\n"
        f"ns A {ZONE_SERVER}\ndatabase A 10.0.1.99\n{records}")
    (folder / "knot.conf").write_text(
        f"server:\n    listen: {ZONE_SERVER}@53\n    rundir: /tmp\n    udp-workers: 1\n    tcp-workers: 1\n"
        "    background-workers: 1\n"
        f"database:\n    storage: /tmp\nlog:\n  - target: stderr\n    any: warning\n"
        f"template:\n  - id: default\n    zonefile-sync: -1\n    zonefile-load: whole\n    journal-content: none\n"
        f"zone:\n  - domain: local\n    file: {folder}/local.zone\n")
    (folder / "unbound.conf").write_text(
        f"server:\n  interface: {RESOLVER}\n  access-control: 0.0.0.0/0 allow\n  username: \"\"\n  chroot: \"\"\n"
        "  directory: /tmp\n  pidfile: \"\"\n  use-syslog: no\n  module-config: iterator\n  do-daemonize: no\n"
        "  domain-insecure: local\n  local-zone: local. nodefault\n  num-threads: 1\n"
        f"remote-control:\n  control-enable: no\nstub-zone:\n  name: local\n  stub-addr: {ZONE_SERVER}\n")
    for name in BACKENDS:
        (folder / name).mkdir()
        (folder / name / "index.html").write_text(name + "\n")
