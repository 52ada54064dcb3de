{
  services.router-monitoring = {
    enable = true;
    lan.interfaces = [ "br-lan" ];
    wan.interfaces = [ "wan0" ];
  };

  # The devices you know; the others show up by themselves.
  services.network-metrics-exporter.staticClients = {
    "192.168.1.10" = "nas";
    gaming-pc = {
      mac = "aa:bb:cc:dd:ee:ff";
      type = "gaming";
      quota.bytes = "500GB";
    };
  };
}
