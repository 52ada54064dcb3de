# 25 clients with leases of the router's DHCP server, under the load of a household.
{
  nodes = {
    router = {
      imports = [
        ./machines/router.nix
        ./machines/dnsmasq.nix
      ];
      networking.nat.forwardPorts = [
        {
          sourcePort = 8443;
          destination = "192.168.1.100:443";
        }
      ];
      services.network-metrics-exporter.wanProbes.targets = [ "203.0.113.1" ];
      services.router-monitoring = {
        enable = true;
        lan.interfaces = [ "br-lan" ];
        wan.interfaces = [ "wan0" ];
        grafana.enable = false;
      };
    };
    internet = ./machines/internet.nix;
    clients = ./machines/clients.nix;
  };
}
