# One machine with all clients, each in a network namespace of its own.
{ pkgs, ... }:
{
  virtualisation.interfaces.lan0 = {
    vlan = 1;
    assignIP = false;
  };
  networking = {
    useDHCP = false;
    useNetworkd = true;
    firewall.enable = false;
  };
  systemd.network.networks."20-lan0" = {
    matchConfig.Name = "lan0";
    networkConfig = {
      LinkLocalAddressing = false;
      IPv6AcceptRA = false;
    };
  };
  environment.systemPackages = [
    pkgs.busybox
    pkgs.curl
    pkgs.netcat
    pkgs.router-monitoring-lab
  ];
}
