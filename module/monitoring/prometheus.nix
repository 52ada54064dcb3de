# Prometheus and what it scrapes.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.services.router-monitoring;
  exporter = config.services.network-metrics-exporter;
  node = config.services.prometheus.exporters.node;

  inherit (import ../endpoint.nix { inherit lib; }) host reachable;
  at = { listenAddress, port, ... }: reachable listenAddress port;

  router.router = cfg.routerName;
  job = import ./job.nix;

  # The exporter's extra labels are on series of clients alone. All of its series need
  # the name of the router, so the target has it, and a client's own gives way.
  labelledTwice = exporter.settings ? extra_labels.router;

  # Start again for as long as it takes: the LAN's address may come late.
  patient = {
    unitConfig.StartLimitIntervalSec = lib.mkDefault 0;
    serviceConfig.RestartSec = lib.mkDefault 5;
  };
in
{
  options.services.router-monitoring = {
    prometheus = {
      enable = mkOption {
        type = types.bool;
        default = true;
        description = "Run Prometheus on this router.";
      };
      address = mkOption {
        type = types.str;
        default = if cfg.address == null then "127.0.0.1" else cfg.address;
        defaultText = lib.literalExpression "config.services.router-monitoring.address";
        example = "127.0.0.1";
        description = "Address on which Prometheus listens; with `127.0.0.1` only Grafana on this router reaches it.";
      };
      retentionTime = mkOption {
        type = types.str;
        default = "400d";
        description = "How long records are kept: with 400 days a month can be compared with that of last year.";
      };
      retentionSize = mkOption {
        type = types.nullOr types.str;
        default = "10GB";
        example = "40GB";
        description = "How much disk the records may take; the oldest go first. `null` for no bound.";
      };
      scrapeInterval = mkOption {
        type = types.str;
        default = "5s";
        description = "How often the exporter is asked. At most `30s`, for rates over one minute.";
      };
      exporterScrapeConfig = mkOption {
        type = types.attrs;
        default = { };
        example = lib.literalExpression ''
          {
            scheme = "https";
            tls_config.insecure_skip_verify = true;
            basic_auth = { username = "prometheus"; password_file = "/run/secrets/scrape-password"; };
          }
        '';
        description = "What Prometheus needs to know beyond the address to ask the exporter, if that has a {option}`services.network-metrics-exporter.webConfigFile`; as in `services.prometheus.scrapeConfigs`. Prometheus reads files named here, such as `password_file`, itself: its user `prometheus` has to be able to. They are not there when NixOS checks the configuration as it builds; if that fails, set `services.prometheus.checkConfig = \"syntax-only\"`.";
      };
      remoteWrite = mkOption {
        type = types.listOf types.attrs;
        default = [ ];
        example = lib.literalExpression ''[ { url = "https://metrics.example.org/api/v1/write"; } ]'';
        description = "Where else records are sent, such as to one Prometheus for many routers, as in `services.prometheus.remoteWrite`. All of them carry the label `router`.";
      };
    };

    nodeExporter = {
      enable = mkOption {
        type = types.bool;
        default = true;
        description = "Run Prometheus' node exporter, for processor, memory, disks and network cards.";
      };
      collectors = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [ "systemd" ];
        description = "Collectors to enable beside those that it enables itself.";
      };
    };
  };

  config = lib.mkIf cfg.enable (
    lib.mkMerge [
      (lib.mkIf cfg.nodeExporter.enable {
        services.prometheus.exporters.node = {
          enable = lib.mkDefault true;
          listenAddress = lib.mkDefault "127.0.0.1";
          enabledCollectors = cfg.nodeExporter.collectors;
        };
      })
      (lib.mkIf cfg.prometheus.enable {
        services.prometheus = {
          enable = lib.mkDefault true;
          listenAddress = lib.mkDefault (host cfg.prometheus.address);
          retentionTime = lib.mkDefault cfg.prometheus.retentionTime;
          extraFlags = lib.optional (
            cfg.prometheus.retentionSize != null
          ) "--storage.tsdb.retention.size=${cfg.prometheus.retentionSize}";
          globalConfig = {
            scrape_interval = lib.mkDefault "15s";
            evaluation_interval = lib.mkDefault "15s";
            # Thresholds come from no target: elsewhere they need the router's name.
            external_labels = lib.mkIf (cfg.prometheus.remoteWrite != [ ]) { router = lib.mkDefault cfg.routerName; };
          };
          scrapeConfigs = [
            (
              job "network-metrics" cfg.prometheus.scrapeInterval router (at exporter)
              // lib.optionalAttrs labelledTwice {
                metric_relabel_configs = [
                  {
                    action = "labeldrop";
                    regex = "exported_router";
                  }
                ];
              }
              // cfg.prometheus.exporterScrapeConfig
            )
          ]
          ++ lib.optional cfg.nodeExporter.enable (job "node" "15s" router (at node));
          inherit (cfg.prometheus) remoteWrite;
        };
        systemd.services.prometheus = patient;

        warnings =
          lib.optional (exporter.webConfigFile != null && cfg.prometheus.exporterScrapeConfig == { })
            "services.network-metrics-exporter.webConfigFile asks for TLS or a password, of which Prometheus knows nothing: set services.router-monitoring.prometheus.exporterScrapeConfig.";
      })
    ]
  );
}
