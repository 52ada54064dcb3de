start("network-metrics-exporter", "systemd-networkd")
router.wait_until_succeeds("curl -sf http://127.0.0.1:9101/-/ready")

with subtest("names come from the leases of systemd-networkd"):
    all_named_by_leases(join())
