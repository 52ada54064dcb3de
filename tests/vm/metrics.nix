# 25 clients with leases of the router's DHCP server, under the load of a household.
{
  nodes = {
    router = {
      imports = [
        ./machines/router.nix
        ./machines/dnsmasq.nix
      ];
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
