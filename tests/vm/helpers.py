# What the test scripts share. The machines are `router`, `internet` and `clients`.
import json
import re
import shlex
import time

EXPORTER = "network-metrics-exporter.service"
PROMETHEUS = "http://192.168.1.1:9090"


def fetch(url, machine=router):
    return machine.succeed(f"curl -sSf --max-time 10 {shlex.quote(url)}")


def ask(query, at=None):
    """Gives Prometheus' answer: a list of labels and value."""
    when = f" --data-urlencode time={at}" if at else ""
    answer = router.succeed(
        f"curl -sSfG --max-time 30 {PROMETHEUS}/api/v1/query --data-urlencode {shlex.quote('query=' + query)}{when}"
    )
    return [(s["metric"], float(s["value"][1])) for s in json.loads(answer)["data"]["result"]]


def scrape():
    """Reads the exporter's metrics: a dictionary from name to a list of labels and value."""
    metrics = {}
    for line in fetch("http://127.0.0.1:9101/metrics").splitlines():
        sample = re.match(r"(\w+)(?:\{(.*)\})? (\S+)$", line)
        if sample:
            labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', sample[2] or ""))
            metrics.setdefault(sample[1], []).append((labels, float(sample[3])))
    return metrics


def next_scrape():
    """Waits until Prometheus has asked the exporter once more."""
    time.sleep(6)


def totals(metrics):
    """Gives each client's bytes, by name: (down, up)."""
    down, up = [
        {labels["hostname"]: value for labels, value in metrics[f"network_client_{d}_bytes_total"]}
        for d in ("rx", "tx")
    ]
    return {name: (down[name], up[name]) for name in down}


def names(metrics, source):
    """Gives the names of the clients that got theirs from that source."""
    return {
        labels["hostname"] for labels, _ in metrics["network_client_info"] if labels["name_source"] == source
    }


def audit(metrics):
    """Checks that clients and what has no client are all that was forwarded."""
    for direction, of_clients in (("rx", "network_client_rx_bytes_total"), ("tx", "network_client_tx_bytes_total")):
        held = sum(value for _, value in metrics[of_clients])
        for name in ("network_unattributed_bytes_total", "network_forgotten_bytes_total"):
            held += sum(v for labels, v in metrics.get(name, []) if labels["direction"] == direction)
        forwarded = sum(v for labels, v in metrics["network_forwarded_bytes_total"] if labels["direction"] == direction)
        assert held == forwarded, f"{direction}: clients and unattributed hold {held}, forwarded were {forwarded}"


def start(*units):
    """Starts the machines and waits for the router's units."""
    start_all()
    for unit in units:
        router.wait_for_unit(unit)
    without_merging()
    internet.wait_until_succeeds("ip -4 address show wan0 | grep -q 203.0.113.1")
    router.wait_until_succeeds("ping -c1 -W1 203.0.113.1")


def without_merging():
    """Keeps the router from merging TCP segments, which would be counted with one header."""
    for nic in "lan0", "wan0":
        router.succeed(f"ethtool -K {nic} gro off")


def serve_the_internet():
    internet.succeed("systemd-run --unit=lab-internet lab internet")
    internet.wait_for_open_port(7000)


def join():
    """Makes the clients, each with a lease of the router's DHCP server, and gives their names."""
    joined = set(json.loads(clients.succeed("lab join --interface=lan0")))
    # A lease alone is no sign of life.
    pings = [f"ip netns exec {name} ping -c1 -W10 203.0.113.1 &" for name in sorted(joined)]
    clients.succeed("\n".join(pings) + " wait")
    return joined


def play(duration):
    """Runs the load profile and gives what each client was asked for, sent and received, by its name."""
    return json.loads(clients.succeed(f"lab --scale={SCALE} play --duration={duration}", timeout=900))["clients"]


def sent(client):
    """Gives a client's bytes at the IP layer: (down, up)."""
    return tuple(client[d]["ipv4"]["bytes"] + client[d]["ipv6"]["bytes"] for d in ("down", "up"))


def growth(before, after):
    """Gives what each client's totals grew by: (down, up)."""
    return {name: tuple(a - b for a, b in zip(after[name], before.get(name, (0, 0)))) for name in after}


def all_named_by_leases(joined):
    """Waits until every client has the name of its lease."""
    count = "curl -sf http://127.0.0.1:9101/metrics | grep -c 'name_source=\"lease\"'"
    router.wait_until_succeeds(f"test $({count}) = {len(joined)}", timeout=60)
    assert names(scrape(), "lease") == joined


def status_of(pid):
    """Reads what the kernel tells of a process, by name."""
    lines = router.succeed(f"cat /proc/{pid}/status").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)
