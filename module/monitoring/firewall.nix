# Who may open Grafana and Prometheus: the first LAN, unless told otherwise, and
# never the Internet.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.services.router-monitoring;
  grafana = config.services.grafana.settings.server;
  prometheus = config.services.prometheus;

  inherit (import ../endpoint.nix { inherit lib; }) isLoopback;
  ports =
    lib.optional (cfg.grafana.enable && !isLoopback grafana.http_addr) grafana.http_port
    ++ lib.optional (
      cfg.prometheus.enable && !isLoopback prometheus.listenAddress
    ) prometheus.port;
  outside = lib.intersectLists cfg.firewall.interfaces cfg.wan.interfaces;
in
{
  options.services.router-monitoring.firewall = {
    enable = mkOption {
      type = types.bool;
      default = true;
      description = "Open the ports of Grafana and Prometheus on the management interfaces.";
    };
    interfaces = mkOption {
      type = types.listOf types.str;
      default = lib.take 1 cfg.lan.interfaces;
      defaultText = lib.literalMD "the first of `services.router-monitoring.lan.interfaces`, so that a guest network sees nothing";
      example = [
        "br-lan"
        "wg0"
      ];
      description = "The management interfaces.";
    };
  };

  config = lib.mkIf (cfg.enable && cfg.firewall.enable) {
    networking.firewall.interfaces = lib.genAttrs cfg.firewall.interfaces (_: {
      allowedTCPPorts = ports;
    });

    assertions = [
      {
        assertion = outside == [ ];
        message = "services.router-monitoring.firewall.interfaces: ${lib.concatStringsSep ", " outside} faces the Internet (wan.interfaces), where everybody would see your network; remove it. From outside use a VPN and name its interface here.";
      }
    ];
  };
}
