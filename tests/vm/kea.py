start("network-metrics-exporter", "kea-dhcp4-server")
router.wait_until_succeeds("curl -sf http://127.0.0.1:9101/-/ready")

with subtest("names come from leases that only Kea's user may read"):
    joined = join()
    assert router.succeed("stat -c %a /var/lib/private/kea/dhcp4.leases").strip() == "600"
    all_named_by_leases(joined)

with subtest("the exporter sees of Kea what it needs and cannot change it"):
    pid = router.succeed(f"systemctl show --property=MainPID --value {EXPORTER}").strip()
    kea = router.succeed("systemctl show --property=MainPID --value kea-dhcp4-server").strip()
    uid = status_of(pid)["Uid"].split()[0]
    assert uid == status_of(kea)["Uid"].split()[0]
    inside = f"nsenter --target {pid} --mount setpriv --reuid {uid} --clear-groups"
    router.succeed(f"{inside} cat /var/lib/kea/dhcp4.leases >/dev/null")
    router.fail(f"{inside} touch /var/lib/kea/dhcp4.leases")
    router.succeed(f"{inside} test -w /run/kea/dhcp4.sock")
    router.fail(f"{inside} touch /run/kea/other")

with subtest("Kea's socket tells how many addresses are left"):
    leases = f"curl -sf http://127.0.0.1:9101/metrics | grep '^network_dhcp_pool_leases{{.*server=\"kea\".*}} {len(joined)}$'"
    router.wait_until_succeeds(leases, timeout=60)
    (pool,) = scrape()["network_dhcp_pool_addresses"]
    assert (pool[0]["server"], pool[1]) == ("kea", 151), pool

with subtest("leases are followed when Kea starts anew"):
    router.succeed("systemctl restart kea-dhcp4-server")
    router.wait_until_succeeds("curl -sf http://127.0.0.1:9101/metrics | grep '^network_exporter_lease_up.* 1$' >/dev/null", timeout=60)
    all_named_by_leases(joined)
    router.wait_until_succeeds(leases, timeout=60)
