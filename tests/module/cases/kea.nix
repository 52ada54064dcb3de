# Both DHCP servers of Kea, networkd, nftables with a filtered forward chain, port
# mappings, IPv6 masqueraded, records sent elsewhere, and no Grafana.
{
  networking = {
    hostName = "office";
    useDHCP = false;
    nftables.enable = true;
    firewall.filterForward = true;
    nat = {
      enable = true;
      enableIPv6 = true;
      externalInterface = "wan0";
      internalInterfaces = [ "br-lan" ];
    };
  };
  systemd.network = {
    enable = true;
    networks."10-lan" = {
      matchConfig.Name = "br-lan";
      address = [
        "fd00:1::1/64"
        "10.1.0.1/16"
      ];
    };
  };
  services.kea = {
    dhcp4.enable = true;
    dhcp4.settings.subnet4 = [
      {
        id = 1;
        subnet = "10.1.0.0/16";
        pools = [ { pool = "10.1.1.0 - 10.1.9.255"; } ];
      }
    ];
    dhcp6.enable = true;
    dhcp6.settings.lease-database = {
      type = "memfile";
      name = "/var/lib/kea/dhcp6.csv";
    };
  };
  services.miniupnpd = {
    enable = true;
    externalInterface = "wan0";
    internalIPs = [ "br-lan" ];
  };

  services.network-metrics-exporter.listenAddress = "::1";
  services.router-monitoring = {
    enable = true;
    lan.interfaces = "br-lan";
    wan.interfaces = "wan0";
    grafana.enable = false;
    prometheus = {
      address = "127.0.0.1";
      retentionSize = null;
      remoteWrite = [ { url = "https://metrics.example.org/api/v1/write"; } ];
    };
    alertmanager.receivers.ntfy.url = "https://ntfy.sh/a-name-nobody-guesses";
  };
}
