# Runs the tests of queueing disciplines on this machine's kernel, which has CAKE.
import re

TESTS = "TestCAKE|TestFQCodel|TestShapingOnAndOff"

with subtest(machine.succeed("uname -r").strip()):
    output = machine.succeed(f"REQUIRE_ALL=1 exporter.test -test.v -test.run '^({TESTS})$' 2>&1", timeout=500)
    machine.log(output)
    print(*re.findall("^ *--- .*|^.*_test.go:.* sent .*", output, re.MULTILINE), sep="\n")
