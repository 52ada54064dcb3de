# A router with all that is watched beside its clients, found by itself: shaping,
# port forwards, pools of every DHCP server, DNS servers. What must not happen unasked
# is set: pings, and speed tests where nixpkgs has their exporter.
{ options, ... }:
{
  networking = {
    hostName = "hub";
    useDHCP = false;
    nftables.enable = true;
    nat = {
      enable = true;
      externalInterface = "wan0";
      internalInterfaces = [ "br-lan" ];
      forwardPorts = [
        {
          sourcePort = 8443;
          destination = "10.1.0.20:443";
        }
      ];
    };
  };
  systemd.network = {
    enable = true;
    networks."10-lan" = {
      matchConfig.Name = "br-lan";
      address = [ "10.1.0.1/16" ];
    };
    networks."20-guest" = {
      matchConfig.Name = "br-guest";
      address = [ "10.2.0.1/24" ];
      networkConfig.DHCPServer = true;
      dhcpServerConfig = {
        PoolOffset = 100;
        PoolSize = 50;
      };
    };
    networks."30-wan" = {
      matchConfig.Name = "wan0";
      networkConfig.DHCP = "yes";
      cakeConfig.Bandwidth = "40M";
    };
  };
  services = {
    kea.dhcp4 = {
      enable = true;
      settings = {
        control-socket = {
          socket-type = "unix";
          socket-name = "/run/kea/dhcp4.sock";
        };
        subnet4 = [
          {
            id = 1;
            subnet = "10.1.0.0/16";
            pools = [ { pool = "10.1.1.0 - 10.1.9.255"; } ];
          }
        ];
      };
    };
    miniupnpd = {
      enable = true;
      externalInterface = "wan0";
      internalIPs = [ "br-lan" ];
      appendConfig = "lease_file=/run/miniupnpd.leases";
    };
    dnsmasq = {
      enable = true;
      resolveLocalQueries = false;
      settings = {
        port = 5353;
        dhcp-range = [ "set:iot,10.3.0.10,10.3.0.99,12h" ];
      };
    };
    unbound.enable = true;
    blocky.enable = true;
    blocky.settings.ports.dns = "10.1.0.1:53";
    adguardhome.enable = true;
    adguardhome.port = 3080;
  };

  services.network-metrics-exporter.wanProbes = {
    targets = [
      "1.1.1.1"
      "2606:4700:4700::1111"
    ];
    interval = 10;
  };
  services.router-monitoring = {
    enable = true;
    lan.interfaces = [ "br-lan" "br-guest" ];
    wan.interfaces = "wan0";
    dns.adguardhome.passwordFile = "/run/secrets/adguardhome-password";
    speedtest.enable = options.services.prometheus.exporters.type.getSubOptions [ ] ? speedtest;
  };
}
