# unbound, which tells its exporter over its control socket.
{ config, lib, ... }:
let
  inherit (import ./server.nix { inherit config lib; }) enable watch job;
  inherit (import ../../endpoint.nix { inherit lib; }) reachable;
  exporter = config.services.prometheus.exporters.unbound;

  # NixOS has defaults of its own for these; what a user sets wins over both.
  preferred = lib.mkOverride 900;
  control = lib.head (lib.toList config.services.unbound.settings.remote-control.control-interface);
in
{
  options.services.router-monitoring.dns.unbound.enable = enable {
    name = "unbound";
    more = " It gets a control socket, {file}`/run/unbound/unbound.ctl`, unless remote control is set already.";
  };

  config = watch "unbound" {
    services.unbound.settings = {
      server.extended-statistics = lib.mkDefault true;
      remote-control.control-enable = preferred true;
      remote-control.control-interface = preferred "/run/unbound/unbound.ctl";
    };
    services.prometheus.exporters.unbound = {
      enable = lib.mkDefault true;
      listenAddress = lib.mkDefault "127.0.0.1";
      # Over TCP the exporter's own default is right, with unbound's certificates.
      unbound.host = lib.mkIf (lib.hasPrefix "/" control) (lib.mkDefault "unix://${control}");
    };
    services.prometheus.scrapeConfigs = [ (job "unbound" (reachable exporter.listenAddress exporter.port)) ];
  };
}
