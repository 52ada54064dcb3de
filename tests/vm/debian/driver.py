"""What test scripts find: NixOS' test driver, as far as our scripts use it. Names,
arguments and meaning are those of the NixOS manual's chapter "Writing Tests"."""

import base64
import contextlib
import io
import pathlib
import shlex
import tarfile
import time
import unittest

from vm import TestFailed, Vm

PAUSE = 0.5  # between two attempts


class Machine(Vm):
    def execute(self, command, *, timeout=900):
        """Runs a command and gives its status and what it wrote to stdout; stderr goes to the journal."""
        limit = "" if timeout is None else f"timeout {timeout} "
        shell = f"{limit}bash -c {shlex.quote('set -euo pipefail; ' + command)} </dev/null"
        start = time.monotonic()
        answer = self.ask_shell(f'{shell} | base64 -w 0; echo " ${{PIPESTATUS[0]}}"', timeout and timeout + 60)
        output, status = answer.split(" ")
        self.log(f"{command.strip()} -> {int(status)} ({time.monotonic() - start:.1f} s)")
        return int(status), base64.b64decode(output).decode(errors="replace")

    def succeed(self, *commands, timeout=None):
        return "".join(self._expect(command, timeout, lambda status: status == 0) for command in commands)

    def fail(self, *commands, timeout=None):
        return "".join(self._expect(command, timeout, lambda status: status != 0) for command in commands)

    def _expect(self, command, timeout, is_right):
        status, output = self.execute(command, timeout=timeout)
        if not is_right(status):
            raise TestFailed(f"{self.name}: `{command}` exited with {status}; it wrote: {output.strip() or 'nothing'}")
        return output

    def wait_until_succeeds(self, command, timeout=900):
        return self._wait_until(command, timeout, lambda status: status == 0)

    def wait_until_fails(self, command, timeout=900):
        return self._wait_until(command, timeout, lambda status: status != 0)

    def _wait_until(self, command, timeout, is_right):
        end = time.monotonic() + timeout
        while True:
            status, output = self.execute(command, timeout=timeout)
            if is_right(status):
                return output
            if time.monotonic() > end:
                found = f"still exits with {status} after {timeout} s; it writes: {output.strip() or 'nothing'}"
                raise TestFailed(f"{self.name}: `{command}` {found}")
            time.sleep(PAUSE)

    def wait_for_file(self, filename, timeout=900):
        self.wait_until_succeeds(f"test -e {filename}", timeout)

    def wait_for_open_port(self, port, addr="localhost", timeout=900):
        self.wait_until_succeeds(f"nc -z {addr} {port}", timeout)

    def wait_for_closed_port(self, port, addr="localhost", timeout=900):
        self.wait_until_fails(f"nc -z {addr} {port}", timeout)

    def systemctl(self, q):
        return self.execute(f"systemctl {q}")

    def wait_for_unit(self, unit, timeout=900):
        """Waits until a unit is active. One that failed, or that nothing starts, is not waited for."""
        end = time.monotonic() + timeout
        while (state := self._state(unit)) != "active":
            if state == "failed" or (state == "inactive" and not self._is_going_to_start(unit)):
                raise TestFailed(f"{self.name}: {unit} is {state}\n{self._status(unit)}")
            if time.monotonic() > end:
                raise TestFailed(f"{self.name}: {unit} is still {state} after {timeout} s\n{self._status(unit)}")
            time.sleep(PAUSE)

    def _state(self, unit):
        return self.succeed(f"systemctl show --property=ActiveState --value {unit}").strip()

    def _is_going_to_start(self, unit):
        return "No jobs" not in self.systemctl("list-jobs --full")[1] or self._state(unit) != "inactive"

    def _status(self, unit):
        return self.systemctl(f"status --full --no-pager --lines=30 {unit}")[1]

    def copy_from_host(self, source, target):
        """Copies a file or folder to that path. The shell takes it in pieces: its commands have a limit."""
        archive, target = io.BytesIO(), pathlib.Path(target)
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            tar.add(source, arcname=target.name)
        encoded = base64.b64encode(archive.getvalue()).decode()
        for start in range(0, len(encoded), 1 << 16):
            self.succeed(f"echo {encoded[start:start + (1 << 16)]} >>/tmp/copy")
        self.succeed(
            f"mkdir -p {target.parent} && base64 -d /tmp/copy | tar -xz --no-same-owner -C {target.parent} && rm /tmp/copy"
        )


def names(machines, tell):
    """Gives the names that a test script finds beside Python's own."""

    def start_all():
        for machine in machines:
            machine.start()

    @contextlib.contextmanager
    def subtest(name):
        start = time.monotonic()
        tell(f"subtest: {name}")
        yield
        print(f"  {name} ({time.monotonic() - start:.1f} s)", flush=True)

    own = {machine.name: machine for machine in machines}
    return own | {"machines": machines, "start_all": start_all, "subtest": subtest, "t": unittest.TestCase()}
