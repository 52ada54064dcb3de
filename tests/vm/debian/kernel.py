# Runs the tests of counting in every topology, and of protected tables, on this
# machine's kernel. It has all that they need: what one would skip elsewhere is an
# error here.
import re

TESTS = "TestTopologies|TestSwitching|TestWANThat|TestOffload|TestForwardHookUnderFlowtable|TestProtection"

with subtest(machine.succeed("uname -r").strip()):
    output = machine.succeed(f"REQUIRE_ALL=1 exporter.test -test.v -test.run '^({TESTS})' 2>&1", timeout=500)
    machine.log(output)
    print(*re.findall("^ *--- .*|^.*_test.go:.*(?:sent|saw) .*", output, re.MULTILINE), sep="\n")
