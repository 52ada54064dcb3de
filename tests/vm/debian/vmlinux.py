"""Takes the kernel out of a bzImage: QEMU boots it as it is, and no emulated
instruction is spent on decompressing it.

    vmlinux.py BZIMAGE VMLINUX
"""

import pathlib
import subprocess
import sys

# What a compressed kernel begins with, and what decompresses it.
FORMATS = {
    "gzip": (b"\x1f\x8b\x08", ["gzip", "-dc"]),
    "xz": (b"\xfd7zXZ\0", ["xz", "-dc", "--single-stream"]),
    "lz4": (b"\x02\x21\x4c\x18", ["lz4", "-dc"]),
    "zstd": (b"\x28\xb5\x2f\xfd", ["zstd", "-dc"]),
}


def candidates(image):
    for name, (magic, command) in FORMATS.items():
        start = image.find(magic)
        while start >= 0:
            yield name, command, image[start:]
            start = image.find(magic, start + 1)


def extract(image):
    missing = set()
    for name, command, data in candidates(image):
        try:
            # What follows the kernel is no part of it: the exit status says nothing.
            kernel = subprocess.run(command, input=data, capture_output=True).stdout
        except FileNotFoundError:
            missing.add(name)
            continue
        if kernel.startswith(b"\x7fELF"):
            return kernel
    sys.exit(f"{sys.argv[1]}: no kernel found in it; not tried, for lack of the program: {', '.join(missing) or 'none'}")


pathlib.Path(sys.argv[2]).write_bytes(extract(pathlib.Path(sys.argv[1]).read_bytes()))
