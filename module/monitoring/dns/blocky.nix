# blocky, which serves metrics itself.
{ config, lib, ... }:
let
  inherit (import ./server.nix { inherit config lib; }) enable watch job;
  inherit (import ../../endpoint.nix { inherit lib; }) reachable;
  inherit (config.services.blocky) settings;

  # ports.http: a port, or an address and a port, or several of them, with commas too
  first = lib.head (lib.splitString "," (toString (lib.head (lib.toList (settings.ports.http or 4000)))));
  parts = builtins.match "\\[?([^]]*)]?:([0-9]+)" first;
  target = if parts == null then reachable "" first else reachable (lib.head parts) (lib.last parts);
in
{
  options.services.router-monitoring.dns.blocky.enable = enable {
    name = "blocky";
    more = " Its HTTP interface is opened on `127.0.0.1:4000`, unless `settings.ports.http` is set already.";
  };

  config = watch "blocky" {
    services.blocky.settings = {
      prometheus.enable = lib.mkDefault true;
      ports.http = lib.mkDefault "127.0.0.1:4000";
    };
    services.prometheus.scrapeConfigs = [
      (job "blocky" target // { metrics_path = settings.prometheus.path or "/metrics"; })
    ];
    assertions = [
      {
        assertion = settings.prometheus.enable or false;
        message = "services.blocky.settings.prometheus.enable is false, but services.router-monitoring.dns.blocky reads its metrics; set it to true, or that to false.";
      }
    ];
  };
}
