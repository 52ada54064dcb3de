# services.router-monitoring: everything wired. It sets plain NixOS options, by
# default values where a user may want others.
{
  config,
  lib,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.router-monitoring;
  option = "services.router-monitoring";
  exporter = config.services.network-metrics-exporter;

  interfaces =
    example: description:
    mkOption {
      type = types.coercedTo types.str lib.singleton (types.listOf types.str);
      default = [ ];
      inherit example description;
    };
  both = lib.intersectLists cfg.lan.interfaces cfg.wan.interfaces;
in
{
  imports = [
    ./alertmanager.nix
    ./alerts.nix
    ./dns
    ./firewall.nix
    ./grafana.nix
    ./prometheus.nix
    ./secrets.nix
    ./speedtest.nix
  ];

  options.services.router-monitoring = {
    enable = lib.mkEnableOption "per-client network monitoring of this router: exporter, Prometheus, node exporter, Grafana with its dashboards, and alerts";

    lan.interfaces = interfaces [ "br-lan" "br-guest" ] "Where the clients are. Grafana and Prometheus can be reached from the first.";

    lan.subnets = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "192.168.1.0/24" ];
      description = "The clients' networks. Empty: those of the interfaces, followed as they change.";
    };

    wan.interfaces = interfaces [ "enp1s0" ] "Where the Internet is. Empty: the interfaces of the default routes.";

    address = mkOption {
      type = types.nullOr types.str;
      default =
        if cfg.lan.interfaces == [ ] then
          null
        else
          import ./address.nix {
            inherit config lib;
            interface = lib.head cfg.lan.interfaces;
          };
      defaultText = lib.literalMD "the first IPv4 address of the first LAN interface in `networking.interfaces` or `systemd.network.networks`";
      example = "192.168.1.1";
      description = "Address of this router on the LAN, on which Grafana and Prometheus listen.";
    };

    routerName = mkOption {
      type = types.str;
      default = exporter.settings.extra_labels.router or config.networking.hostName;
      defaultText = lib.literalMD "the label `router` among `services.network-metrics-exporter.extraLabels`, else `networking.hostName`";
      example = "home";
      description = "Value of the label `router`, which tells apart routers that report to one Prometheus.";
    };
  };

  config = lib.mkIf cfg.enable {
    services.network-metrics-exporter = {
      enable = lib.mkDefault true;
      lanInterfaces = lib.mkDefault cfg.lan.interfaces;
      wanInterfaces = lib.mkDefault cfg.wan.interfaces;
      localSubnets = lib.mkDefault cfg.lan.subnets;
    };

    assertions = [
      {
        assertion = cfg.lan.interfaces != [ ];
        message = ''${option}.lan.interfaces is empty: name the interface that your clients are on, such as [ "br-lan" ].'';
      }
      {
        assertion = both == [ ];
        message = "${option}: ${lib.concatStringsSep ", " both} is in lan.interfaces and in wan.interfaces; decide on one.";
      }
      {
        assertion = cfg.lan.interfaces == [ ] || cfg.address != null;
        message = "${option}.address: no IPv4 address of ${lib.head cfg.lan.interfaces} was found in networking.interfaces or systemd.network.networks; set ${option}.address to this router's address on the LAN.";
      }
    ];
  };
}
