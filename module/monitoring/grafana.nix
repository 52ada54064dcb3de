# Grafana with the dashboards in the folder "Router", for everybody on the LAN to
# see and for the administrator alone to change.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.router-monitoring;
  prometheus = config.services.prometheus;
  inherit (import ../endpoint.nix { inherit lib; }) reachable;

  datasource = {
    name = "Router";
    uid = "router-monitoring";
  };
  dashboards = import ../../dashboards {
    inherit (cfg.grafana) sections;
    # Grafana's default data source may be another.
    firstDatasource = {
      text = datasource.name;
      value = datasource.uid;
    };
  };
  folder = "router-monitoring/dashboards";
  dashboard = name: {
    "${folder}/${name}.json".source = pkgs.writeText "${name}.json" (builtins.toJSON dashboards.${name});
  };

  inherit (config.services.network-metrics-exporter) settings;
  when = condition: section: lib.optional condition section;

  # A script, which nothing is known of, may well shape with CAKE.
  shaped = import ../exporter/shaped.nix { inherit config lib; };
  cake = shaped == [ ] || lib.any (n: n.cakeConfig or { } != { }) shaped;

  sections = [
    "now"
    "clients"
    "presence"
    "month"
    "internet"
  ]
  ++ when (settings.wan.probes.targets or [ ] != [ ]) "wan-probes"
  ++ when cfg.speedtest.enable "speedtest"
  ++ when (settings.qos.enabled or false) "qos"
  ++ when (settings.qos.enabled or false && cake) "qos-cake"
  ++ when (settings.port_mappings.enabled or false) "ports"
  ++ when (settings.dhcp.pools or [ ] != [ ] || settings.dhcp.kea or [ ] != [ ]) "dhcp"
  ++ when cfg.dns.unbound.enable "dns-unbound"
  ++ when cfg.dns.dnsmasq.enable "dns-dnsmasq"
  ++ when cfg.dns.blocky.enable "dns-blocky"
  ++ when cfg.dns.adguardhome.enable "dns-adguard"
  ++ lib.optionals cfg.nodeExporter.enable [
    "interfaces"
    "system"
  ];

  server = config.services.grafana.settings.server;
  adguard = config.services.adguardhome;
in
{
  options.services.router-monitoring.grafana = {
    enable = mkOption {
      type = types.bool;
      default = true;
      description = "Run Grafana on this router.";
    };

    address = mkOption {
      type = types.str;
      default = if cfg.address == null then "127.0.0.1" else cfg.address;
      defaultText = lib.literalExpression "config.services.router-monitoring.address";
      example = "127.0.0.1";
      description = "Address on which Grafana listens.";
    };

    port = mkOption {
      type = types.port;
      default = 3000;
      description = "Port on which Grafana listens.";
    };

    anonymousViewing = mkOption {
      type = types.bool;
      default = true;
      description = "Show the dashboards without a login to everybody who reaches Grafana. Changing anything needs the administrator's password.";
    };

    adminPasswordFile = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "/run/secrets/grafana-admin-password";
      description = "File with the password of the user `admin`, read once, at Grafana's first start. It may belong to root. `null`: one is made up, in {file}`/var/lib/router-monitoring/grafana-admin-password`.";
    };

    secretKeyFile = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "/run/secrets/grafana-secret-key";
      description = "File with the key by which Grafana encrypts secrets in its database. `null`: one is made up, in {file}`/var/lib/router-monitoring/grafana-secret-key`. Name the file with the old key if this router's Grafana has a database already.";
    };

    defaultDatasource = mkOption {
      type = types.bool;
      default = true;
      description = "Make this Prometheus the default data source of Grafana, which can have but one.";
    };

    sections = mkOption {
      type = types.listOf (types.either types.str types.attrs);
      default = sections;
      defaultText = lib.literalMD "all that this configuration has data for";
      example = [
        "now"
        "clients"
        "month"
      ];
      description = "Sections of the dashboard Router, from top to bottom, by name or as a part of your own in the format of [dashboards/router](../dashboards/router).";
    };
  };

  config = lib.mkIf (cfg.enable && cfg.grafana.enable) {
    environment.etc = dashboard "router" // dashboard "client";

    services.grafana = {
      enable = lib.mkDefault true;
      settings = {
        server.http_addr = lib.mkDefault cfg.grafana.address;
        server.http_port = lib.mkDefault cfg.grafana.port;
        "auth.anonymous".enabled = lib.mkDefault cfg.grafana.anonymousViewing;
        "auth.anonymous".org_role = lib.mkDefault "Viewer";
        users.home_page = lib.mkDefault "/d/router";
        analytics.reporting_enabled = lib.mkDefault false;
        analytics.check_for_updates = lib.mkDefault false;
        analytics.check_for_plugin_updates = lib.mkDefault false;
        analytics.feedback_links_enabled = lib.mkDefault false;
        news.news_feed_enabled = lib.mkDefault false;
      };
      provision = {
        enable = lib.mkDefault true;
        datasources.settings.datasources = [
          {
            inherit (datasource) name uid;
            type = "prometheus";
            url = "http://${reachable prometheus.listenAddress prometheus.port}";
            isDefault = cfg.grafana.defaultDatasource;
            # Graphs take their windows from it: the slower of the two jobs.
            jsonData.timeInterval = "15s";
            jsonData.httpMethod = "POST";
          }
        ];
        dashboards.settings.providers = [
          {
            name = "router-monitoring";
            folder = "Router";
            disableDeletion = true;
            allowUiUpdates = false;
            options.path = "/etc/${folder}";
          }
        ];
      };
    };

    systemd.services.grafana = {
      # Start again for as long as it takes: the LAN's address may come late.
      unitConfig.StartLimitIntervalSec = lib.mkDefault 0;
      serviceConfig.RestartSec = lib.mkDefault 5;
    };

    assertions = [
      {
        assertion = !(adguard.enable && adguard.port == server.http_port);
        message = "services.adguardhome.port and services.router-monitoring.grafana.port are both ${toString server.http_port}; give one of them another.";
      }
      {
        assertion = cfg.prometheus.enable;
        message = "services.router-monitoring.grafana needs services.router-monitoring.prometheus; enable it, or disable Grafana here and use yours with the dashboards of this flake's package dashboards.";
      }
    ];
  };
}
