# Records what an exporter shows while its router shapes the line with CAKE, which few
# machines have that one writes dashboards on: bin/vm/qos.prom holds a scrape every 3 s,
# each behind a line "# scrape " with its Unix time.
import base64
import gzip

from files import CHECKOUT

output = machine.succeed(
    "SHAPING_RECORDING=/tmp/qos.prom REQUIRE_ALL=1 exporter.test -test.v -test.run '^TestRecordShaping$' 2>&1", timeout=500
)
machine.log(output)
recording = CHECKOUT / "bin/vm/qos.prom"
recording.parent.mkdir(parents=True, exist_ok=True)
recording.write_bytes(gzip.decompress(base64.b64decode(machine.succeed("gzip -c /tmp/qos.prom | base64 -w 0"))))
print(f"  {recording}: {recording.read_text().count('# scrape ')} scrapes")
