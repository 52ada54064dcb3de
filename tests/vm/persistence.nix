# A router whose firewall flushes all tables when it is reloaded.
{
  nodes = {
    router = {
      imports = [
        ./machines/router.nix
        ./machines/dnsmasq.nix
      ];
      networking.nftables.flushRuleset = true;
      services.network-metrics-exporter = {
        enable = true;
        lanInterface = "br-lan";
        wanInterface = "wan0";
        accounting.protectTable = false; # so that the reload finds something to delete
      };
    };
    internet = ./machines/internet.nix;
    clients = ./machines/clients.nix;
  };
}
