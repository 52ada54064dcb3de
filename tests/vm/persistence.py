router.start(allow_reboot=True)
start("network-metrics-exporter", "nftables", "dnsmasq")
serve_the_internet()
joined = join()
all_named_by_leases(joined)


def back():
    """Waits until the exporter answers again."""
    router.wait_until_succeeds("curl -sf http://127.0.0.1:9101/metrics >/dev/null", timeout=60)
    return scrape()


def keeps_all(what_happens):
    """Checks that no total and no name is lost by it, and that counting goes on."""
    play("5s")
    before = totals(scrape())
    what_happens()
    metrics = back()
    assert totals(metrics) == before, f"totals were {before}, are {totals(metrics)}"
    assert joined <= {labels["hostname"] for labels, _ in metrics["network_client_info"]}
    truth = play("5s")
    after = scrape()
    for name, counted in growth(before, totals(after)).items():
        assert counted == sent(truth[name]), f"{name}: counted {counted}, sent {sent(truth[name])}"
    audit(after)


with subtest("a restart keeps totals and names"):
    keeps_all(lambda: router.succeed(f"systemctl restart {EXPORTER}"))

with subtest("so does a new configuration"):
    keeps_all(lambda: router.succeed(f"systemctl reload {EXPORTER}"))

with subtest("so does a crash, after which systemd starts it again"):
    keeps_all(lambda: router.succeed(f"systemctl kill --signal=KILL {EXPORTER}"))

with subtest("and a reload of the firewall, which deletes the exporter's table"):
    repairs = "network_exporter_accounting_repairs_total"
    before = scrape()[repairs]

    def reload():
        router.succeed("systemctl reload nftables")
        router.wait_until_succeeds("nft list table inet network_metrics >/dev/null", timeout=10)
        assert scrape()[repairs] != before, "the exporter's table was not touched"

    keeps_all(reload)

with subtest("and a reboot"):

    def reboot():
        router.reboot()
        router.wait_for_unit("network-metrics-exporter")
        without_merging()
        router.wait_until_succeeds("ping -c1 -W1 203.0.113.1")

    keeps_all(reboot)
