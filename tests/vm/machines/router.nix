# The router under test: a bridge toward the clients, NAT toward the internet.
# What serves DHCP and what is monitored is up to each test.
{ pkgs, ... }:
{
  imports = [ ../../../module ];

  virtualisation = {
    cores = 4;
    memorySize = 2048;
    interfaces.lan0 = {
      vlan = 1;
      assignIP = false;
    };
    interfaces.wan0 = {
      vlan = 2;
      assignIP = false;
    };
  };

  networking = {
    hostName = "router";
    useDHCP = false;
    useNetworkd = true;
    nftables.enable = true;
    firewall.interfaces.br-lan.allowedUDPPorts = [ 67 ];
    nat = {
      enable = true;
      externalInterface = "wan0";
      internalInterfaces = [ "br-lan" ];
    };
  };
  environment.systemPackages = [
    pkgs.curl
    pkgs.ethtool
  ];
  boot.kernel.sysctl."net.ipv6.conf.all.forwarding" = true;

  systemd.network = {
    netdevs."10-br-lan".netdevConfig = {
      Name = "br-lan";
      Kind = "bridge";
    };
    networks."20-lan0" = {
      matchConfig.Name = "lan0";
      networkConfig.Bridge = "br-lan";
    };
    networks."20-br-lan" = {
      matchConfig.Name = "br-lan";
      address = [
        "192.168.1.1/24"
        "fd00:1::1/64"
      ];
      networkConfig.ConfigureWithoutCarrier = true;
    };
    networks."20-wan0" = {
      matchConfig.Name = "wan0";
      address = [
        "203.0.113.2/24"
        "2001:db8:ffff::2/64"
      ];
      routes = [
        { Gateway = "203.0.113.1"; }
        { Gateway = "2001:db8:ffff::1"; }
      ];
      networkConfig.IPv6AcceptRA = false;
    };
  };
}
