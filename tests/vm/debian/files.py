"""The files that make a plain Debian into a certain machine of a test."""

import hashlib
import io
import os
import pathlib
import re
import tarfile

HERE = pathlib.Path(__file__).parent
CHECKOUT = HERE.parents[2]

# What units and configurations of NixOS name of packages, whose hash is always 0.
PACKAGE = re.compile(rb"/nix/store/0{32}-[\w.+-]+")

# What Debian has in other places than NixOS' packages have it, and what it has not.
MOVED = {
    "usr/bin/alertmanager": "prometheus-alertmanager",
    "usr/bin/node_exporter": "prometheus-node-exporter",
    "usr/share/hwdata/oui.txt": "../ieee-data/oui.txt",
}
ADDED = {
    "usr/bin/network-metrics-exporter": CHECKOUT / "bin/network-metrics-exporter",
    "usr/bin/lab": CHECKOUT / "bin/lab",
    "usr/bin/grafana": HERE / "grafana.py",
}
TESTS = {"usr/bin/exporter.test": CHECKOUT / "bin/exporter.test"}


def write(archive, name, nics, tree=None, programs=ADDED):
    """Writes a machine's archive: its name and NICs, our programs, and its tree of NixOS' files."""
    with tarfile.open(archive, "w") as tar:
        add_text(tar, "etc/hostname", name)
        add_text(tar, "etc/machine-id", hashlib.md5(name.encode()).hexdigest())
        for nic in nics:
            # only the NIC itself has this as its permanent address, no VLAN or bridge on it
            link = f"[Match]\nPermanentMACAddress={nic.mac}\n\n[Link]\nName={nic.name}"
            add_text(tar, f"etc/systemd/network/01-{nic.name}.link", link)
        for path, file in programs.items():
            tar.add(file, path, filter=as_root)
        if not tree:
            return
        for path, target in MOVED.items():
            add_link(tar, path, target)
        tar.add(tree, ".", filter=as_root)
        # A package's bin, sbin and share are Debian's: the image has all programs in /usr/bin.
        for package in packages(tree):
            add_link(tar, package, "/usr")


def packages(tree):
    """Finds the packages that files name and the tree does not hold."""
    found = set()
    for file in tree.rglob("*"):
        if file.is_symlink():
            found.update(PACKAGE.findall(os.readlink(file).encode()))
        elif file.is_file():
            found.update(PACKAGE.findall(file.read_bytes()))
    paths = (path.decode().lstrip("/") for path in found)
    return sorted(path for path in paths if not (tree / path).exists())


def as_root(member):
    """Leaves nothing of the user and umask of the checkout."""
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    return member


def add_text(tar, path, text):
    data = text.encode() + b"\n"
    member = as_root(tarfile.TarInfo(path))
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def add_link(tar, path, target):
    member = as_root(tarfile.TarInfo(path))
    member.type, member.linkname = tarfile.SYMTYPE, target
    tar.addfile(member)
