#!/usr/bin/env python3
"""What a static taskdns is made of, as CycloneDX 1.5 in JSON: every package whose code is in the binary.

Usage: sbom.py --build FOLDER --binary FILE [--arch NAME] [--epoch SECONDS]     prints it
FOLDER is a build of preset release that Ninja made, linked with -Wl,-Map=FOLDER/taskdns.map: the map names the archives
that code came from, Ninja knows the headers that were compiled, and dpkg whose files and versions those are. The same
build gives the same text.
"""
import argparse
import datetime
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import uuid

ARCHIVE_MEMBER = re.compile(r"^(/\S+\.a)\(\S+\)")
OBJECT = re.compile(r"^LOAD (/\S+\.o)$")
# Declarations only, and the compiler's and kernel's own: no code of theirs is in the binary.
NO_CODE = re.compile(r"^linux-libc-dev")


def linked_files(link_map):
    """Archives that gave a member, and single objects such as crt1.o."""
    found = set()
    for line in link_map.read_text(encoding="utf-8").splitlines():
        match = ARCHIVE_MEMBER.match(line) or OBJECT.match(line)
        if match:
            found.add(match[1])
    return found


def compiled_headers(build):
    said = subprocess.run(["ninja", "-C", build, "-t", "deps"], check=True, capture_output=True, text=True).stdout
    return {line.strip() for line in said.splitlines() if line.startswith("    /usr/")}


def of_architecture(names, architecture):
    """Of `libfmt-dev:amd64` and `libfmt-dev:arm64`, which share their headers, the one that the binary is for."""
    for name in names:
        bare, _, its = name.partition(":")
        if its in ("", architecture) or f"{bare}:{architecture}" not in names:
            yield name


def packages_of(files, architecture):
    """Package (with its architecture) of each file that dpkg knows."""
    paths = sorted({str(pathlib.Path(file).resolve()) for file in files})
    found = set()
    for start in range(0, len(paths), 500):
        # Exit status 1: one of them is no package's, which is so for our own archives.
        said = subprocess.run(["dpkg-query", "-S", *paths[start:start + 500]], check=False, capture_output=True,
                              text=True).stdout
        for line in said.splitlines():
            names, _, path = line.partition(": ")
            if path and not line.startswith("diversion "):
                found.update(names.split(", "))
    return sorted(name for name in of_architecture(found, architecture) if not NO_CODE.match(name))


def distribution():
    values = dict(line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
                  if "=" in line)
    return values["ID"].strip('"'), values.get("VERSION_ID", "").strip('"')


def component(package, system):
    form = "${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\t${Homepage}"
    said = subprocess.run(["dpkg-query", "-W", "-f", form, package], check=True, capture_output=True, text=True).stdout
    name, version, architecture, source, source_version, homepage = said.split("\t")
    quoted = version.replace("+", "%2B").replace(":", "%3A")
    upstream = f"{source}@{source_version}".replace("+", "%2B").replace(":", "%3A").replace("@", "%40")
    purl = f"pkg:deb/{system[0]}/{name.replace('+', '%2B')}@{quoted}?arch={architecture}&distro={system[0]}-{system[1]}" \
           f"&upstream={upstream}"
    out = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl,
           "properties": [{"name": "taskdns:source-package", "value": source}]}
    if homepage:
        out["externalReferences"] = [{"type": "website", "url": homepage}]
    return out


def own_version(build):
    cache = (build / "CMakeCache.txt").read_text(encoding="utf-8")
    return re.search(r"^CMAKE_PROJECT_VERSION:STATIC=(.*)$", cache, re.MULTILINE)[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--binary", required=True, type=pathlib.Path)
    parser.add_argument("--arch", default="amd64", help="as Debian names it: what the binary is for")
    parser.add_argument("--epoch", type=int, default=0)
    arguments = parser.parse_args()

    link_map = arguments.build / "taskdns.map"
    if not link_map.exists():
        sys.exit(f"sbom: {link_map} is missing: link with -Wl,-Map={link_map}")
    digest = hashlib.sha256(arguments.binary.read_bytes()).hexdigest()
    system = distribution()
    packages = packages_of(linked_files(link_map) | compiled_headers(arguments.build), arguments.arch)
    components = [component(package, system) for package in packages]
    if pathlib.Path("/etc/ssl/certs/ca-certificates.crt").exists():  # docker/root_tar.py puts it into the image
        components.append({**component("ca-certificates", system), "type": "data"})
    version = own_version(arguments.build)
    own = {"type": "application", "bom-ref": f"taskdns@{version}", "name": "taskdns", "version": version,
           "hashes": [{"alg": "SHA-256", "content": digest}], "licenses": [{"license": {"id": "Apache-2.0"}}]}
    made = datetime.datetime.fromtimestamp(arguments.epoch, datetime.timezone.utc)
    json.dump({"$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json", "bomFormat": "CycloneDX",
               "specVersion": "1.5", "serialNumber": f"urn:uuid:{uuid.UUID(digest[:32])}", "version": 1,
               "metadata": {"timestamp": made.strftime("%Y-%m-%dT%H:%M:%SZ"), "component": own},
               "components": components,
               "dependencies": [{"ref": own["bom-ref"], "dependsOn": [one["bom-ref"] for one in components]}]},
              sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
