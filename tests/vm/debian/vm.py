"""A VM under QEMU without KVM: its power, its cables and a root shell in it."""

import json
import os
import select
import socket
import subprocess
import threading
import time

# Far beyond what a boot takes. One in a hundred hangs under emulation.
BOOT_SECONDS = 120
SHUTDOWN_SECONDS = 120

# The processor lacks what is slow to emulate, the kernel safeguards that nobody
# here gets past. NVMe needs no module, so no initrd.
QEMU = (
    "qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -cpu Nehalem -smp 1 -nodefaults -nographic "
    "-device virtio-rng-pci -device virtio-serial-pci"
).split()
KERNEL = (
    "root=/dev/nvme0n1 rw rootwait init=/usr/local/sbin/vm-init console=ttyS0 loglevel=4 panic=-1 "
    "systemd.show_status=no mitigations=off norandmaps nokaslr init_on_alloc=0 apparmor=0 audit=0 selinux=0"
)


class TestFailed(Exception):
    """Something that a test asked for did not happen."""


class Nic:
    """One end of a cable: a datagram socket, whose other end belongs to another machine's NIC."""

    def __init__(self, name, mac, end):
        self.name, self.mac, self.end = name, mac, end

    def arguments(self):
        return [
            *("-netdev", f"dgram,id=cable-{self.name},local.type=fd,local.str={self.end.fileno()}"),
            *("-device", f"virtio-net-pci,id={self.name},netdev=cable-{self.name},mac={self.mac},romfile="),
        ]


def cable():
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)


class Void(threading.Thread):
    """Swallows what is sent to a machine that is off; it would fill the cable and wait there."""

    def __init__(self, nics):
        super().__init__(daemon=True)
        self.ends, self.over = [nic.end for nic in nics], threading.Event()
        self.start()

    def run(self):
        while not self.over.is_set():
            for end in select.select(self.ends, [], [], 0.1)[0]:
                end.recv(1 << 16)

    def stop(self):
        self.over.set()
        self.join()


class Vm:
    def __init__(self, name, *, image, kernel, files, disk, logs, nics, memory, log):
        """Prepares a machine, switched off.

        image   folder with root.ext4, on which disk builds, and the kernels
        kernel  series of the one to boot, such as 6.12
        files   tar archive that is laid over the root at the first boot
        logs    folder for what the machine says
        memory  MiB
        """
        self.name, self.files, self.disk, self.logs = name, files, disk, logs
        self.kernel = image / f"vmlinux-{kernel}"
        self.nics, self.memory, self.tell = nics, memory, log
        self.process = self.shell = self.monitor = None
        self.allow_reboot = self.connected = False
        self.void = Void(nics)
        logs.mkdir(parents=True)
        base = ("-F", "raw", "-b", image / "root.ext4")
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *base, disk], check=True)

    def log(self, msg):
        self.tell(f"{self.name}: {msg}")

    def start(self, allow_reboot=False):
        """Switches it on. Without allow_reboot, a reboot switches it off."""
        if self.process:
            return
        self.allow_reboot = allow_reboot
        self.shell, shell = socket.socketpair()
        monitor_here, monitor = socket.socketpair()
        self.void.stop()
        self.process = self._run(shell.fileno(), monitor.fileno())
        shell.close()
        monitor.close()
        self.monitor = monitor_here.makefile("rw")
        monitor_here.close()
        self.log("switched on")

    def _run(self, shell, monitor):
        # The kernel ends QEMU with us, whatever we die of.
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *QEMU, *self._arguments(shell, monitor)],
            pass_fds=[shell, monitor, *(nic.end.fileno() for nic in self.nics)],
            stdin=subprocess.DEVNULL,
            stdout=(self.logs / "qemu.log").open("a"),
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us to handle
        )

    def _arguments(self, shell, monitor):
        return [
            *("-name", self.name, "-m", str(self.memory)),
            *("-kernel", self.kernel, "-append", KERNEL),
            *("-drive", f"id=disk,if=none,file={self.disk},format=qcow2,cache=unsafe"),
            *("-device", "nvme,drive=disk,serial=disk"),
            *("-drive", f"id=files,if=none,file={self.files},format=raw,readonly=on"),
            # not a second NVMe: which of two the kernel finds first is left to chance
            *("-device", "virtio-blk-pci,drive=files,serial=files"),
            *("-chardev", f"file,id=kernel,path={self.logs}/kernel.log,append=on", "-serial", "chardev:kernel"),
            *("-chardev", f"socket,id=shell,fd={shell}", "-device", "virtconsole,chardev=shell"),
            *("-chardev", f"file,id=journal,path={self.logs}/journal.log,append=on"),
            *("-device", "virtconsole,chardev=journal"),
            *("-chardev", f"socket,id=monitor,fd={monitor}", "-mon", "chardev=monitor,mode=control"),
            *(argument for nic in self.nics for argument in nic.arguments()),
            *([] if self.allow_reboot else ["-no-reboot"]),
        ]

    def connect(self):
        """Waits for the shell, and boots once more if none comes."""
        if self.connected:
            return
        self.start()
        try:
            self._wait_for_shell()
        except TimeoutError:
            self.log("the boot hangs, once more")
            self.crash()
            self.start(self.allow_reboot)
            self._wait_for_shell()

    def _wait_for_shell(self):
        start = time.monotonic()
        while b"Spawning backdoor root shell" not in self._line(start + BOOT_SECONDS - time.monotonic()):
            pass
        self.connected = True
        self.log(f"shell after {time.monotonic() - start:.1f} s of waiting, {self._cpu_seconds():.1f} s of CPU in all")

    def _cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            user, system = file.read().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def ask_shell(self, line, seconds=None):
        """Sends a line to the shell and gives the line that it answers."""
        self.connect()
        self.shell.sendall(line.encode() + b"\n")
        return self._line(seconds).decode()

    def _line(self, seconds=None):
        line = bytearray()
        end = None if seconds is None else time.monotonic() + seconds
        while not line.endswith(b"\n"):
            left = None if end is None else max(0, end - time.monotonic())
            if not select.select([self.shell], [], [], left)[0]:
                raise TimeoutError(f"{self.name}: the shell has not answered in time")
            chunk = self.shell.recv(1 << 16)
            if not chunk:
                raise TestFailed(f"{self.name}: switched itself off (for a reboot it needs start(allow_reboot=True))")
            line += chunk
        return bytes(line)

    def reboot(self):
        """Reboots. The next command waits until the machine is back."""
        self.connect()
        self.log("reboots")
        self.shell.sendall(b"systemctl reboot\n")
        self.connected = False

    def shutdown(self):
        if self.process:
            self.connect()
            self.shell.sendall(b"systemctl poweroff\n")
            self.wait_for_shutdown()

    def wait_for_shutdown(self):
        if self.process:
            self.process.wait(SHUTDOWN_SECONDS)
            self._is_off()

    def crash(self):
        """Cuts the power: what the guest had not flushed to its disk is lost."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self._is_off()

    def release(self):
        """Ends it for good."""
        self.crash()
        self.void.stop()
        for nic in self.nics:
            nic.end.close()

    def _is_off(self):
        self.shell.close()
        self.monitor.close()
        self.process, self.connected = None, False
        self.void = Void(self.nics)
        self.log("is off")

    def block(self):
        """Pulls the cable out of the first NIC."""
        self._monitor("set_link", name=self.nics[0].name, up=False)

    def unblock(self):
        self._monitor("set_link", name=self.nics[0].name, up=True)

    def _monitor(self, command, **arguments):
        """Has QEMU do something, over QMP; all lines but the last answer are greeting and events."""
        for request in {"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments, "id": 1}:
            self.monitor.write(json.dumps(request) + "\n")
        self.monitor.flush()
        answer = {}
        while answer.get("id") != 1:
            answer = json.loads(self.monitor.readline())
        if "error" in answer:
            raise TestFailed(f"{self.name}: QEMU cannot {command}: {answer['error']['desc']}")
