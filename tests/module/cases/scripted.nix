# A router as many are: scripted networking, iptables, DHCP by dnsmasq, a guest
# network, a VPN, and a part of the dashboard.
{
  networking = {
    hostName = "house";
    useDHCP = false;
    bridges.br-lan.interfaces = [ "enp2s0" "enp3s0" ];
    interfaces.br-lan.ipv4.addresses = [
      {
        address = "192.168.1.1";
        prefixLength = 24;
      }
    ];
    nat = {
      enable = true;
      externalInterface = "enp1s0";
      internalInterfaces = [ "br-lan" ];
    };
  };
  services.dnsmasq = {
    enable = true;
    settings.dhcp-range = [ "192.168.1.100,192.168.1.250,1h" ];
  };

  services.router-monitoring = {
    enable = true;
    lan.interfaces = [ "br-lan" "br-guest" ];
    wan.interfaces = [ "enp1s0" ];
    firewall.interfaces = [ "br-lan" "wg0" ];
    grafana.sections = [ "now" ];
    grafana.adminPasswordFile = "/run/secrets/grafana";
    nodeExporter.collectors = [ "systemd" ];
  };
}
