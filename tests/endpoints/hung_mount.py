"""A file system that takes every question and answers none: ``python -m tests.endpoints.hung_mount DIRECTORY``.

A FUSE mount without any library: it says hello to the kernel and reads what is asked. Whoever asks then waits where no
signal reaches, SIGKILL included, until this process ends. Needs root and /dev/fuse.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys

_INIT = 26
_HEADER = struct.Struct("<IIQQIIIHH")
_OUT = struct.Struct("<IiQ")
_INIT_OUT = struct.Struct("<IIIIHHIIHHI7I")


def main() -> None:
    """Mount, answer the greeting, then nothing more."""
    directory = sys.argv[1]
    libc = ctypes.CDLL(None, use_errno=True)
    channel = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={channel},rootmode=40000,user_id=0,group_id=0,allow_other"
    if libc.mount(b"hung", directory.encode(), b"fuse", 0, options.encode()):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    while True:
        request = os.read(channel, 1 << 18)
        _, opcode, unique, *_ = _HEADER.unpack_from(request)
        if opcode == _INIT:
            body = _INIT_OUT.pack(7, 31, 0, 0, 12, 10, 1 << 16, 1, 1, 0, 0, *([0] * 7))
            os.write(channel, _OUT.pack(_OUT.size + len(body), 0, unique) + body)
            sys.stdout.write("mounted\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
