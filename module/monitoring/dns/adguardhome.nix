# AdGuard Home, which serves statistics as JSON. Nothing in NixOS makes metrics of
# them but the JSON exporter.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  inherit (import ./server.nix { inherit config lib; }) enable watch job;
  inherit (import ../../endpoint.nix { inherit lib; }) reachable;
  inherit (config.services) adguardhome;
  cfg = config.services.router-monitoring.dns.adguardhome;
  exporter = config.services.prometheus.exporters.json;
  option = "services.router-monitoring.dns.adguardhome";

  # Its arrays have a number for each hour, or for each day where it keeps more than
  # a week. The last one counts up, until the next begins with 0: a counter.
  counter = key: name: {
    inherit name;
    path = "{.${key}[-1:]}";
    valuetype = "counter";
    help = "AdGuard Home's ${key} since the hour, or the day, began.";
  };
  module = {
    metrics = [
      (counter "dns_queries" "adguard_queries_total")
      (counter "blocked_filtering" "adguard_blocked_total")
      (counter "replaced_safebrowsing" "adguard_safebrowsing_blocked_total")
      (counter "replaced_parental" "adguard_parental_blocked_total")
      {
        name = "adguard_processing_seconds";
        path = "{.avg_processing_time}";
        valuetype = "gauge";
        help = "Average time for an answer, over all that AdGuard Home keeps statistics of.";
      }
    ];
  }
  // lib.optionalAttrs (cfg.passwordFile != null) {
    http_client_config.basic_auth = {
      inherit (cfg) username;
      password_file = "/run/credentials/prometheus-json-exporter.service/adguardhome";
    };
  };

  users = if adguardhome.settings == null then [ ] else adguardhome.settings.users or [ ];
in
{
  options.services.router-monitoring.dns.adguardhome = {
    enable = enable {
      name = "adguardhome";
      title = "AdGuard Home";
      more = " It needs {option}`passwordFile` if AdGuard Home asks for a password.";
    };

    username = mkOption {
      type = types.str;
      default = "admin";
      description = "User of AdGuard Home in whose name its statistics are read.";
    };

    passwordFile = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "/run/secrets/adguardhome-password";
      description = "File with the user's password, which may belong to root. `null`: AdGuard Home asks for none.";
    };
  };

  config = watch "adguardhome" {
    services.prometheus.exporters.json = {
      enable = lib.mkDefault true;
      listenAddress = lib.mkDefault "127.0.0.1";
      # No default, so that a file of the user's does not lose it without a word.
      configFile = (pkgs.formats.yaml { }).generate "json-exporter.yml" { modules.adguardhome = module; };
    };
    systemd.services.prometheus-json-exporter.serviceConfig.LoadCredential = lib.mkIf (
      cfg.passwordFile != null
    ) [ "adguardhome:${cfg.passwordFile}" ];

    services.prometheus.scrapeConfigs = [
      (
        job "adguardhome" (reachable exporter.listenAddress exporter.port)
        // {
          metrics_path = "/probe";
          params.module = [ "adguardhome" ];
          params.target = [ "http://${reachable adguardhome.host adguardhome.port}/control/stats" ];
        }
      )
    ];

    assertions = [
      {
        assertion = users == [ ] || cfg.passwordFile != null;
        message = "services.adguardhome.settings.users asks for a password to read statistics: set ${option}.username and ${option}.passwordFile, or ${option}.enable = false.";
      }
    ];
  };
}
