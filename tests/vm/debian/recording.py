# Records what an exporter shows while its router shapes the line with CAKE, which few
# machines have that one writes dashboards on: bin/vm/qos.prom holds a scrape every 3 s,
# each behind a line "# scrape " with its Unix time.
import base64
import gzip

from files import CHECKOUT

# Of what comes at once QEMU's console drops, without a word, what we are late to take.
PIECE = 1 << 14  # bytes


def fetch(path):
    """Gives what is in a file."""
    size = int(machine.succeed(f"gzip -k {path}; wc -c <{path}.gz"))
    read = f"dd if={path}.gz bs={PIECE} count=1 status=none"
    pieces = (machine.succeed(f"{read} skip={i} | base64 -w 0") for i in range(-(-size // PIECE)))
    return gzip.decompress(b"".join(map(base64.b64decode, pieces)))


output = machine.succeed(
    "SHAPING_RECORDING=/tmp/qos.prom REQUIRE_ALL=1 exporter.test -test.v -test.run '^TestRecordShaping$' 2>&1", timeout=500
)
machine.log(output)
recording = CHECKOUT / "bin/vm/qos.prom"
recording.parent.mkdir(parents=True, exist_ok=True)
recording.write_bytes(fetch("/tmp/qos.prom"))
print(f"  {recording}: {recording.read_text().count('# scrape ')} scrapes")
