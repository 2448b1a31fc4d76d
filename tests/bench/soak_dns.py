"""Just enough DNS for the soak: questions, answers as a VPC resolver gives them, and reading our own."""
import socket
import struct

A, SOA, AAAA, SRV, OPT = 1, 6, 28, 33, 41
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3


def pack_name(name):
    return b"".join(bytes([len(label)]) + label.encode("ascii") for label in name.split(".")) + b"\0"


def question(number, name, qtype=A):
    return struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + pack_name(name) + struct.pack(">2H", qtype, 1)


def read_question(message):
    """(name, type, the question's octets); None for anything else."""
    if len(message) < 17 or message[2] & 0x80:
        return None
    labels, at = [], 12
    while at < len(message) and message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode("ascii", "replace"))
        at += 1 + message[at]
    if at + 5 > len(message):
        return None
    return ".".join(labels).lower(), struct.unpack_from(">H", message, at + 1)[0], message[12:at + 5]


def reply(message, section, rcode, records=(), additional=()):
    """An answer to `message`; `section`: its question. A record is its octets."""
    head = struct.pack(">2s6H", message[:2], 0x8180 | rcode, 1, len(records), 0, len(additional), 0)[:12]
    return head + section + b"".join(records) + b"".join(additional)


def address_record(owner, address, ttl):
    return owner + struct.pack(">2HIH", A, 1, ttl, 4) + socket.inet_aton(address)


def service_record(owner, target, port, ttl):
    rdata = struct.pack(">3H", 1, 1, port) + pack_name(target)
    return owner + struct.pack(">2HIH", SRV, 1, ttl, len(rdata)) + rdata


def skip_name(message, at):
    while message[at]:
        if message[at] & 0xC0:
            return at + 2
        at += 1 + message[at]
    return at + 1


def read_addresses(message):
    """(rcode, the IPv4 addresses of the answer section)."""
    count = struct.unpack_from(">H", message, 6)[0]
    at = skip_name(message, 12) + 4
    addresses = []
    for _ in range(count):
        at = skip_name(message, at)
        kind, _, _, length = struct.unpack_from(">2HIH", message, at)
        if kind == A:
            addresses.append(socket.inet_ntoa(message[at + 10:at + 14]))
        at += 10 + length
    return message[3] & 0xF, addresses
