# dnsmasq, which its exporter asks as a client does.
{ config, lib, ... }:
let
  inherit (import ./server.nix { inherit config lib; }) enable watch job;
  inherit (import ../../endpoint.nix { inherit lib; }) endpoint reachable;
  inherit (config.services) dnsmasq;
  exporter = config.services.prometheus.exporters.dnsmasq;

  port = toString (dnsmasq.settings.port or 53);
  # It listens on the loopback interface too, unless it is told its addresses.
  addresses = lib.splitString "," (toString (dnsmasq.settings.listen-address or "127.0.0.1"));
in
{
  options.services.router-monitoring.dns.dnsmasq.enable = enable {
    name = "dnsmasq";
    default = dnsmasq.enable && port != "0";
    defaultText = lib.literalMD "whether `services.dnsmasq` runs, and not for DHCP alone (`settings.port = 0`)";
  };

  config = watch "dnsmasq" {
    services.prometheus.exporters.dnsmasq = {
      enable = lib.mkDefault true;
      listenAddress = lib.mkDefault "127.0.0.1";
      dnsmasqListenAddress = lib.mkDefault (endpoint (lib.head addresses) port);
      leasesPath = lib.mkDefault (toString dnsmasq.settings.dhcp-leasefile);
    };
    services.prometheus.scrapeConfigs = [ (job "dnsmasq" (reachable exporter.listenAddress exporter.port)) ];
    assertions = [
      {
        assertion = port != "0";
        message = "services.dnsmasq.settings.port is 0, so that dnsmasq answers no DNS: leave services.router-monitoring.dns.dnsmasq.enable to its default.";
      }
    ];
  };
}
