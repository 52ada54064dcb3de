# DHCP by dnsmasq.
{
  services.dnsmasq = {
    enable = true;
    resolveLocalQueries = false;
    settings = {
      port = 0; # no DNS
      interface = "br-lan";
      bind-dynamic = true;
      dhcp-authoritative = true;
      no-ping = true; # all clients come at once, and a slow machine takes seconds for each ping
      dhcp-range = [ "192.168.1.100,192.168.1.250,1h" ];
    };
  };
}
