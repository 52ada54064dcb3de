"""Runs tests on Debian VMs, booted anew for each: test scripts on a router, a host on
the internet and a machine with the clients; and the lab's own tests, in namespaces of
one machine, on each kernel.

    run.py [--scripts DIR] [--trees DIR] [TEST...]     all tests, or those named
"""

import argparse
import contextlib
import fcntl
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import traceback

import driver
import files
import vm

HERE = pathlib.Path(__file__).resolve().parent
CHECKOUT = HERE.parents[2]
CACHE = CHECKOUT / ".cache/vm"

KERNELS = ["6.1", "6.12"]  # Debian 12's and 13's, the oldest first
SCALE = 0.05  # of the load profile: what emulated machines can carry
# What one machine does in namespaces of its own: by which script, on which kernel.
KERNEL_TESTS = {f"{script}-{kernel}": (script, kernel) for script in ("kernel", "shaping") for kernel in KERNELS}
RECORDINGS = {"recording": ("recording", KERNELS[-1])}  # made when named, tests nothing
ON_ONE_MACHINE = KERNEL_TESTS | RECORDINGS
TEST_SECONDS = 600
JOURNAL_LINES = 20  # of each machine shown when a test failed

PROGRAMS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "depmod": "kmod",
    "lz4": "lz4",
    "setpriv": "util-linux",
}


def check_programs():
    missing = {program: package for program, package in PROGRAMS.items() if not shutil.which(program)}
    if missing:
        sys.exit(f"not found: {', '.join(missing)}. On Debian: apt-get install {' '.join(sorted(set(missing.values())))}")


def build_image():
    built = subprocess.run([HERE / "image.sh"], stdout=subprocess.PIPE, text=True)
    if built.returncode:
        sys.exit(built.returncode)
    return pathlib.Path(built.stdout.strip())


@contextlib.contextmanager
def alone():
    """Lets one run at a time use this checkout's cache."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another run of this checkout's VM tests", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Log:
    def __init__(self, file):
        self.file, self.start = file.open("w"), time.monotonic()

    def __call__(self, text):
        print(f"[{time.monotonic() - self.start:7.2f}] {text}", file=self.file, flush=True)


def tree_of(test, name, trees):
    """Finds a machine's files. Hosts that only talk to the router may do without."""
    for tree in trees / f"vm-{test}-{name}", HERE / "plain" / name:
        if tree.is_dir():
            return tree
    raise vm.TestFailed(f"{trees}/vm-{test}-{name}: not there; it holds the files that NixOS would give this machine")


def make_machines(test, args, image, run, logs, tell):
    def make(name, memory, nics, kernel, **contents):
        archive = run / f"{name}.tar"
        files.write(archive, name, nics, **contents)
        disk = run / f"{name}.qcow2"
        return driver.Machine(
            name, image=image, kernel=kernel, files=archive, disk=disk, logs=logs / name, nics=nics, memory=memory, log=tell
        )

    if test in ON_ONE_MACHINE:
        _, kernel = ON_ONE_MACHINE[test]
        yield make("machine", 1024, [], kernel, programs=files.TESTS)
        return
    # MACs are as NixOS numbers them: by VLAN and machine.
    lan, wan = vm.cable(), vm.cable()
    plan = {
        "router": (1024, [vm.Nic("lan0", "52:54:00:12:01:03", lan[0]), vm.Nic("wan0", "52:54:00:12:02:03", wan[0])]),
        "internet": (320, [vm.Nic("wan0", "52:54:00:12:02:02", wan[1])]),
        "clients": (512, [vm.Nic("lan0", "52:54:00:12:01:01", lan[1])]),
    }
    for name, (memory, nics) in plan.items():
        yield make(name, memory, nics, KERNELS[-1], tree=tree_of(test, name, args.trees))


def scripts_of(test, args):
    if test in ON_ONE_MACHINE:
        script, _ = ON_ONE_MACHINE[test]
        return [HERE / f"{script}.py"]
    return [args.scripts / "helpers.py", args.scripts / f"{test}.py"]


def run_scripts(scripts, names):
    for file in filter(pathlib.Path.exists, scripts):
        exec(compile(file.read_text(), file, "exec"), names)


def too_long(*_):
    raise vm.TestFailed(f"took longer than {TEST_SECONDS} s")


def run_test(test, args, image):
    """Runs one test and tells whether it passed."""
    logs, run = CACHE / "logs" / test, CACHE / "run"
    for folder in logs, run:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    tell = Log(logs / "test.log")
    machines = []
    signal.alarm(TEST_SECONDS)
    try:
        machines.extend(make_machines(test, args, image, run, logs, tell))
        names = driver.names(machines, tell) | {"SCALE": SCALE}
        run_scripts(scripts_of(test, args), names)
        return True
    except Exception as error:
        tell(traceback.format_exc())
        show_failure(error, scripts_of(test, args))
        show_journals(logs)
        return False
    finally:
        signal.alarm(0)
        for machine in machines:
            machine.release()
        shutil.rmtree(run)


def show_failure(error, scripts):
    """Shows where in the scripts it happened; the driver's own calls are in the log."""
    calls = traceback.extract_tb(error.__traceback__)
    in_scripts = [call for call in calls if pathlib.Path(call.filename) in scripts]
    print(*traceback.format_list(in_scripts), type(error).__name__, ": ", error, sep="")


def show_journals(logs):
    for journal in sorted(logs.glob("*/journal.log")):
        print(f"--- the end of {journal}")
        for line in journal.read_text(errors="replace").splitlines()[-JOURNAL_LINES:]:
            print(line)
    print(f"--- commands, journals and kernel logs: {logs}", flush=True)


def run_tests(tests, args):
    """Runs the tests and gives how many failed."""
    image = build_image()
    failed = 0
    for test in tests:
        print(f"{test}:", flush=True)
        start = time.monotonic()
        passed = run_test(test, args, image)
        failed += not passed
        print(f"{test}: {'passed' if passed else 'FAILED'} in {time.monotonic() - start:.0f} s", flush=True)
    return failed


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--scripts", type=pathlib.Path, default=CHECKOUT / "tests/vm", help="folder of the scripts")
    parser.add_argument("--trees", type=pathlib.Path, default=CHECKOUT / "tests/module/golden", help="folder of the machines' files")
    parser.add_argument("tests", metavar="TEST", nargs="*", help="a script's name without .py, or a kernel's such as kernel-6.1")
    return parser.parse_args()


def choose(args):
    """Gives the tests to run."""
    known = sorted(script.stem for script in args.scripts.glob("*.py") if script.stem != "helpers")
    known += KERNEL_TESTS
    if unknown := set(args.tests) - set(known) - set(RECORDINGS):
        sys.exit(f"no such test: {', '.join(sorted(unknown))}; there are {', '.join(known)}, and to record {', '.join(RECORDINGS)}")
    return args.tests or known


def main():
    args = parse_arguments()
    tests = choose(args)
    check_programs()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    signal.signal(signal.SIGALRM, too_long)
    with alone():
        failed = run_tests(tests, args)
    print(f"{len(tests) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
