start("network-metrics-exporter", "prometheus", "prometheus-node-exporter", "dnsmasq")
router.wait_until_succeeds("curl -sf http://127.0.0.1:9101/-/ready")

with subtest("the exporter has one capability, filters system calls and is nobody"):
    pid = router.succeed(f"systemctl show --property=MainPID --value {EXPORTER}").strip()
    status = status_of(pid)
    cap_net_admin = f"{1 << 12:016x}"
    for capabilities in "CapEff", "CapPrm", "CapBnd", "CapAmb":
        assert status[capabilities].strip() == cap_net_admin, f"{capabilities} is {status[capabilities]}"
    assert status["NoNewPrivs"].strip() == "1", status
    assert status["Seccomp"].strip() == "2", status
    assert "0" not in status["Uid"].split(), status
    exposure = router.succeed(f"systemd-analyze security --no-pager {EXPORTER} | tail -1")
    print(exposure)
    assert float(re.search(r"[0-9]+\.[0-9]+", exposure)[0]) <= 2.0, exposure

with subtest("25 clients get leases, and their names appear"):
    serve_the_internet()
    joined = join()
    assert len(joined) == 25, joined
    all_named_by_leases(joined)

with subtest("each client's rate is the profile's"):
    before = totals(scrape())
    truth = play("80s")
    end = float(router.succeed("date +%s"))
    # The minute before the last ten seconds: the load was on in all of it.
    rates = {}
    for direction, metric in ("down", "rx"), ("up", "tx"):
        for labels, rate in ask(f"8 * rate(network_client_{metric}_bytes_total[60s])", at=end - 10):
            rates[labels["hostname"], direction] = rate
    packet = 8 * 1500 / 60  # one more or less in the minute
    for name, client in sorted(truth.items()):
        for direction, total in zip(("down", "up"), sent(client)):
            asked, seen, true = client["rate"][direction], rates[name, direction], 8 * total / 80
            print(f"{name:16} {direction:4} profile {asked:9.0f} bit/s, sent {true:9.0f}, Prometheus says {seen:9.0f}")
            assert abs(seen - true) <= 0.1 * true + packet, f"{name} {direction}: {seen} bit/s, sent were {true}"
            # The lesser direction is made of acknowledgements, of which the profile says nothing.
            if asked == max(client["rate"].values()):
                assert abs(seen - asked) <= 0.1 * asked + packet, f"{name} {direction}: {seen} bit/s, not {asked}"

with subtest("the sums are what was sent"):
    metrics = scrape()
    counted = growth(before, totals(metrics))
    for name, client in truth.items():
        assert counted[name] == sent(client), f"{name}: counted {counted[name]}, sent {sent(client)}"
    audit(metrics)
    next_scrape()
    down = {labels["hostname"]: value for labels, value in ask("network_client_rx_bytes_total")}
    assert down == {name: total[0] for name, total in totals(metrics).items()}, down

with subtest("what is beside the clients was found in the configuration"):
    assert ({"target": "203.0.113.1"}, 1) in metrics["network_wan_probe_up"], metrics["network_wan_probe_up"]
    (mapping,) = metrics["network_port_mapping_info"]
    assert (mapping[0]["ip"], mapping[0]["external_port"]) == ("192.168.1.100", "8443"), mapping
    (pool,) = metrics["network_dhcp_pool_addresses"]
    assert (pool[0]["server"], pool[1]) == ("dnsmasq", 151), pool

with subtest("every target of Prometheus carries the router's name"):
    assert {(s["job"], s["router"], value) for s, value in ask("up")} == {
        ("network-metrics", "router", 1),
        ("node", "router", 1),
    }
