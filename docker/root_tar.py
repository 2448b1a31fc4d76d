#!/usr/bin/env python3
"""The image's files as a tar archive: the binary with its file capability, the CA bundle, the list of what is in it.

Usage: root_tar.py --binary FILE [--sbom FILE] [--ca-bundle FILE] [--epoch SECONDS] --output FILE
The same input gives the same octets: names in one order, one time stamp, no user. Needs no privilege: the capability
is a record of the archive (SCHILY.xattr), which tar, BuildKit and buildah write as an extended attribute.
"""
import argparse
import io
import pathlib
import struct
import sys
import tarfile

# struct vfs_cap_data of linux/capability.h, revision 2: permitted (and not effective, for then the binary would not
# start where the bounding set lacks it), nothing inheritable.
VFS_CAP_REVISION_2 = 0x02000000
CAP_NET_BIND_SERVICE = 10
CAPABILITY = struct.pack("<5I", VFS_CAP_REVISION_2, 1 << CAP_NET_BIND_SERVICE, 0, 0, 0)

# Where Debian, Alpine and most images have it, so that one `ca_file` does everywhere.
CA_BUNDLE = "etc/ssl/certs/ca-certificates.crt"
SBOM = "usr/share/doc/taskdns/taskdns.cdx.json"


def write(archive, name, content, mode, epoch):
    entry = tarfile.TarInfo(name)
    entry.mtime = epoch
    entry.mode = mode
    if content is None:
        entry.type = tarfile.DIRTYPE
        archive.addfile(entry)
        return
    if name == "taskdns":
        entry.pax_headers = {"SCHILY.xattr.security.capability": CAPABILITY.decode("ascii")}
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True, type=pathlib.Path)
    parser.add_argument("--sbom", type=pathlib.Path)
    parser.add_argument("--ca-bundle", type=pathlib.Path, default=pathlib.Path("/") / CA_BUNDLE)
    parser.add_argument("--epoch", type=int, default=0)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    arguments = parser.parse_args()

    files = {"taskdns": (arguments.binary, 0o755), CA_BUNDLE: (arguments.ca_bundle, 0o644)}
    if arguments.sbom:
        files[SBOM] = (arguments.sbom, 0o644)
    try:
        contents = {name: (path.read_bytes(), mode) for name, (path, mode) in files.items()}
    except OSError as error:
        sys.exit(f"root_tar: {error.filename}: {error.strerror}")
    folders = {str(parent): (None, 0o755) for name in files for parent in pathlib.PurePath(name).parents
               if str(parent) != "."}
    with tarfile.open(arguments.output, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, (content, mode) in sorted({**folders, **contents}.items()):
            write(archive, name, content, mode, arguments.epoch)


if __name__ == "__main__":
    main()
