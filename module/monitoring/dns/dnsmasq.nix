# dnsmasq, which its exporter asks as a client does.
{ config, lib, ... }:
let
  inherit (import ./server.nix { inherit config lib; }) enable watch job;
  inherit (import ../../endpoint.nix { inherit lib; }) reachable;
  inherit (config.services) dnsmasq;
  exporter = config.services.prometheus.exporters.dnsmasq;

  port = toString (dnsmasq.settings.port or 53);
  # It listens on the loopback interface too, unless it is told its addresses.
  addresses = lib.concatMap (a: lib.splitString "," (toString a)) (
    lib.toList (dnsmasq.settings.listen-address or [ ])
  );
  # One of the link alone would need the interface, too.
  usable = lib.filter (a: a != "" && !lib.hasPrefix "fe80:" a) (map lib.trim addresses);
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
      dnsmasqListenAddress = lib.mkDefault (reachable (lib.head (usable ++ [ "127.0.0.1" ])) port);
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
