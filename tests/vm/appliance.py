GRAFANA = "http://192.168.1.1:3000"


def answering(machine, where, urls):
    """Gives those of the addresses at which something answers, asked all at once."""
    tries = [f"{where} curl -s --max-time 3 {shlex.quote(url)} >/dev/null && echo {shlex.quote(url)} &" for url in urls]
    return machine.succeed("\n".join(tries) + " wait").split()


start("network-metrics-exporter", "prometheus", "prometheus-node-exporter", "alertmanager", "grafana", "dnsmasq")
router.wait_for_open_port(3000, "192.168.1.1")
router.wait_for_open_port(9090, "192.168.1.1")
serve_the_internet()
join()

with subtest("a client starts to hog the line"):
    internet.succeed("systemd-run --unit=alert-receiver python3 /etc/alert-receiver.py")
    internet.wait_for_open_port(8080)
    clients.succeed(
        "systemd-run --unit=hog lab play --client=nas --duration=10m --flow='{proto: tcp, direction: up, rate: 400kbit}'"
    )

with subtest("dashboards and data source are provisioned"):
    password = router.succeed("cat /var/lib/router-monitoring/grafana-admin-password").strip()
    assert len(password) >= 32, password
    assert router.succeed("stat -c '%a %U' /var/lib/router-monitoring/grafana-admin-password").strip() == "600 root"
    found = json.loads(fetch(f"{GRAFANA}/api/search?type=dash-db"))
    assert {(d["uid"], d["folderTitle"]) for d in found} == {("router", "Router"), ("router-client", "Router")}, found
    for uid in "router", "router-client":
        assert json.loads(fetch(f"{GRAFANA}/api/dashboards/uid/{uid}"))["meta"]["provisioned"]
    source = router.succeed(f"curl -sSf -u admin:{shlex.quote(password)} {GRAFANA}/api/datasources/uid/router-monitoring")
    assert json.loads(source)["url"] == PROMETHEUS, source
    router.fail(f"curl -sSf -u admin:admin {GRAFANA}/api/datasources/uid/router-monitoring")

with subtest("the rules are loaded"):
    groups = json.loads(fetch(f"{PROMETHEUS}/api/v1/rules"))["data"]["groups"]
    loaded = {rule["name"] for group in groups for rule in group["rules"]}
    assert {"HighBandwidthUsage", "ExporterDown", "HogNow", "router_monitoring:client_bytes:rate1m"} <= loaded, loaded

with subtest("clients reach Grafana and Prometheus, the internet reaches neither"):
    offered = [f"{GRAFANA}/api/health", f"{PROMETHEUS}/-/healthy"]
    assert sorted(answering(clients, "ip netns exec nas", offered)) == sorted(offered)
    addresses = "203.0.113.2", "192.168.1.1", "[2001:db8:ffff::2]", "[fd00:1::1]"
    ports = 3000, 9090, 9093, 9100, 9101
    assert answering(internet, "", [f"http://{a}:{p}/" for a in addresses for p in ports]) == []
    assert answering(clients, "ip netns exec nas", [f"http://192.168.1.1:{p}/" for p in ports[2:]]) == []

with subtest("a known device has the name of the configuration"):
    declared = {labels["hostname"]: labels for labels, _ in scrape()["network_client_info"] if labels["name_source"] == "declared"}
    assert declared["gaming-pc"]["mac"] == "aa:bb:cc:dd:ee:ff", declared

with subtest("the hog is told of"):
    internet.wait_until_succeeds("grep -q HogNow /tmp/alerts", timeout=180)
    received = [json.loads(line) for line in internet.succeed("cat /tmp/alerts").splitlines()]
    hogs = [alert for message in received for alert in message["alerts"] if alert["labels"]["alertname"] == "HogNow"]
    assert hogs and all(hog["labels"]["hostname"] == "nas" for hog in hogs), received
    assert hogs[0]["labels"]["router"] == "router", hogs
    # The alert that everybody gets has found it too, and waits for its five minutes.
    for _ in range(60):
        if waiting := [labels["hostname"] for labels, _ in ask('ALERTS{alertname="HighBandwidthUsage"}')]:
            break
        next_scrape()
    assert waiting == ["nas"], waiting

with subtest("secrets are made up once"):
    router.succeed("systemctl restart router-monitoring-secrets grafana")
    router.wait_for_open_port(3000, "192.168.1.1")
    assert router.succeed("cat /var/lib/router-monitoring/grafana-admin-password").strip() == password
