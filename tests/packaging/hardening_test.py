#!/usr/bin/env python3
"""What the linked release binary has against mistakes in it: daemon/hardening.cmake, as the ELF file shows it.

Usage: hardening_test.py BINARY [compile_commands.json]
With the second, every file of ours must have been compiled with the flags that leave no trace in a stripped binary
(the C library and OpenSSL have a stack protector and checked copies of their own, so their symbols prove nothing).
"""
import json
import re
import struct
import sys
import unittest
from pathlib import Path

LOAD, DYNAMIC, INTERPRETER, STACK, RELRO = 1, 2, 3, 0x6474E551, 0x6474E552  # p_type
EXECUTE, WRITE = 1, 2  # p_flags
X86_64 = 62
TEXTREL, FLAGS, FLAGS_1 = 22, 30, 0x6FFFFFFB  # d_tag
CANARY = bytes.fromhex("64488b042528000000")  # mov %fs:0x28,%rax: where a function begins that has a stack protector


class Elf:
    """A 64-bit little-endian file: its headers and its dynamic section."""

    def __init__(self, data: bytes):
        if data[:6] != b"\x7fELF\x02\x01":
            raise ValueError("no 64-bit little-endian ELF file")
        self.data = data
        self.type, self.machine = struct.unpack_from("<HH", data, 16)
        offset, = struct.unpack_from("<Q", data, 32)
        size, count = struct.unpack_from("<HH", data, 54)
        fields = ("type", "flags", "offset", "address", "physical", "file_size", "memory_size", "alignment")
        self.segments = [dict(zip(fields, struct.unpack_from("<IIQQQQQQ", data, offset + i * size)))
                         for i in range(count)]
        self.dynamic: dict[int, int] = {}
        for segment in self.of_type(DYNAMIC):
            for at in range(segment["offset"], segment["offset"] + segment["file_size"], 16):
                tag, value = struct.unpack_from("<QQ", data, at)
                self.dynamic.setdefault(tag, value)

    def of_type(self, kind: int) -> list[dict[str, int]]:
        return [segment for segment in self.segments if segment["type"] == kind]

    def code(self) -> bytes:
        return b"".join(self.data[one["offset"]:one["offset"] + one["file_size"]]
                        for one in self.of_type(LOAD) if one["flags"] & EXECUTE)


class Hardening(unittest.TestCase):
    elf: Elf
    commands: list[dict[str, str]] | None = None

    def test_it_is_loaded_anywhere_and_needs_no_loader(self) -> None:
        self.assertEqual(self.elf.type, 3, "ET_DYN: position-independent")
        self.assertTrue(self.elf.dynamic.get(FLAGS_1, 0) & 0x08000000, "DF_1_PIE")
        self.assertEqual(self.elf.of_type(INTERPRETER), [], "static")

    def test_its_tables_of_pointers_are_read_only_before_it_begins(self) -> None:
        self.assertEqual(len(self.elf.of_type(RELRO)), 1, "GNU_RELRO")
        now = self.elf.dynamic.get(FLAGS, 0) & 8 or self.elf.dynamic.get(FLAGS_1, 0) & 1
        self.assertTrue(now, "BIND_NOW")
        # The tables themselves: what is writable and not read-only afterwards is variables.
        relro = self.elf.of_type(RELRO)[0]
        self.assertLessEqual(relro["address"], self.elf.of_type(DYNAMIC)[0]["address"])
        self.assertGreater(relro["memory_size"], 50_000, "of OpenSSL's tables and our virtual functions")

    def test_no_memory_is_both_writable_and_executable(self) -> None:
        stacks = self.elf.of_type(STACK)
        self.assertEqual(len(stacks), 1, "GNU_STACK; without it the kernel makes the stack executable")
        self.assertEqual(stacks[0]["flags"] & EXECUTE, 0, "the stack is executable")
        for segment in self.elf.of_type(LOAD):
            self.assertNotEqual(segment["flags"] & (EXECUTE | WRITE), EXECUTE | WRITE, segment)

    def test_no_code_is_written_while_it_is_loaded(self) -> None:
        self.assertNotIn(TEXTREL, self.elf.dynamic)
        self.assertEqual(self.elf.dynamic.get(FLAGS, 0) & 4, 0, "DF_TEXTREL")

    def test_code_has_pages_of_its_own(self) -> None:
        code = [segment for segment in self.elf.of_type(LOAD) if segment["flags"] & EXECUTE]
        self.assertEqual(len(code), 1)
        for other in self.elf.of_type(LOAD):
            if other is code[0]:
                continue
            first, last = other["offset"] // 4096, (other["offset"] + max(other["file_size"], 1) - 1) // 4096
            apart = last < code[0]["offset"] // 4096 or first > (code[0]["offset"] + code[0]["file_size"] - 1) // 4096
            self.assertTrue(apart, f"{other} shares a page of the file with {code[0]}")

    def test_it_has_stack_protectors(self) -> None:
        self.assertIn(b"stack smashing detected", self.elf.data)
        self.assertIn(b"buffer overflow detected", self.elf.data)
        if self.elf.machine == X86_64:
            self.assertGreater(self.elf.code().count(CANARY), LEAST_PROTECTED)

    def test_every_file_of_ours_was_compiled_so(self) -> None:
        if self.commands is None:
            self.skipTest("no compile_commands.json given")
        # Without those that only see whether a header compiles alone.
        ours = [one for one in self.commands if re.search(r"/daemon/[a-z_/]+\.cpp$", one["file"])]
        self.assertGreater(len(ours), 150)
        for one in ours:
            words = one["command"].split()
            for flag in ("-fstack-protector-strong", "-fstack-clash-protection", "-fPIE"):
                self.assertIn(flag, words, one["file"])
            if not re.search(r"/(base|view|forward|dns_server)/|/main\.cpp$", one["file"]):
                self.assertIn("-ftrivial-auto-var-init=zero", words, one["file"])
                self.assertIn("-D_GLIBCXX_ASSERTIONS", words, one["file"])
            self.assertTrue(re.search(r" -D_FORTIFY_SOURCE=[23]( |$)", one["command"]), one["file"])
            self.assertTrue(any(word in ("-O2", "-Os") for word in words), f"{one['file']}: fortified in name only")
            self.assertFalse({"-O0", "-Og", "-fno-stack-protector"} & set(words), one["file"])


# Debian's libraries have 2,100 without a flag of ours, the release binary 5,000.
LEAST_PROTECTED = 3500


def main() -> None:
    arguments = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    if not arguments:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    Hardening.elf = Elf(Path(arguments[0]).read_bytes())
    if len(arguments) > 1:
        Hardening.commands = json.loads(Path(arguments[1]).read_text(encoding="utf-8"))
    unittest.main(argv=[sys.argv[0]])


if __name__ == "__main__":
    main()
