# A host on the internet, which routes the LAN's IPv6 prefix to the router as a
# provider does that delegated it.
{ pkgs, ... }:
{
  virtualisation.interfaces.wan0 = {
    vlan = 2;
    assignIP = false;
  };
  networking = {
    useDHCP = false;
    useNetworkd = true;
    firewall.enable = false;
  };
  systemd.network.networks."20-wan0" = {
    matchConfig.Name = "wan0";
    address = [
      "203.0.113.1/24"
      "2001:db8:ffff::1/64"
    ];
    routes = [
      {
        Destination = "fd00:1::/64";
        Gateway = "2001:db8:ffff::2";
      }
    ];
    networkConfig.IPv6AcceptRA = false;
  };
  environment.systemPackages = [
    pkgs.curl
    pkgs.netcat
    pkgs.python3
    pkgs.router-monitoring-lab
  ];
  environment.etc."alert-receiver.py".source = ./alert-receiver.py;
}
