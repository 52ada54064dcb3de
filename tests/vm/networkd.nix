# Host names from systemd-networkd's own DHCP server.
{
  nodes = {
    router = {
      imports = [ ./machines/router.nix ];
      systemd.network.networks."20-br-lan" = {
        networkConfig.DHCPServer = true;
        dhcpServerConfig = {
          PoolOffset = 100;
          PoolSize = 150;
          EmitDNS = false;
        };
      };
      services.network-metrics-exporter = {
        enable = true;
        lanInterface = "br-lan";
        wanInterface = "wan0";
      };
    };
    internet = ./machines/internet.nix;
    clients = ./machines/clients.nix;
  };
}
