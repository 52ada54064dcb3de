# What the line can do, measured now and then.
{
  config,
  lib,
  options,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.router-monitoring;
  inherit (import ../endpoint.nix { inherit lib; }) reachable;
  job = import ./job.nix;

  inherit (config.services.prometheus) exporters;
  # Younger than NixOS 26.05.
  isThere = options.services.prometheus.exporters.type.getSubOptions [ ] ? speedtest;
in
{
  options.services.router-monitoring.speedtest = {
    enable = mkOption {
      type = types.bool;
      default = false;
      description = "Measure the speed of the line against a server of speedtest.net. Each test fills the line for half a minute and uses data: at 250 Mbit/s about half a gigabyte. The company learns your address. This needs a nixpkgs with {option}`services.prometheus.exporters.speedtest`, which NixOS 26.05 does not have; nixos-unstable does.";
    };
    interval = mkOption {
      type = types.str;
      default = "6h";
      example = "1d";
      description = "Time between two tests; the first comes within it.";
    };
  };

  config = lib.mkIf (cfg.enable && cfg.prometheus.enable && cfg.speedtest.enable) {
    assertions = [
      {
        assertion = isThere;
        message = "services.router-monitoring.speedtest needs services.prometheus.exporters.speedtest, which this nixpkgs does not have; take a newer one, or disable it.";
      }
    ];
    services.prometheus.exporters = lib.optionalAttrs isThere {
      speedtest = {
        enable = lib.mkDefault true;
        listenAddress = lib.mkDefault "127.0.0.1";
      };
    };
    # Of its tests, as many as there are CPUs measure something: its library then has no
    # room for another (1.0.0). A new process each time forgets the old ones; at no fixed
    # time, lest it cut off every test.
    systemd.services = lib.optionalAttrs isThere {
      prometheus-speedtest-exporter.serviceConfig = {
        RuntimeMaxSec = lib.mkDefault "30m";
        RuntimeRandomizedExtraSec = lib.mkDefault "30m";
      };
    };
    # The exporter tests whenever it is asked.
    services.prometheus.scrapeConfigs = lib.optionals isThere [
      (
        job "speedtest" cfg.speedtest.interval { router = cfg.routerName; } (
          reachable exporters.speedtest.listenAddress exporters.speedtest.port
        )
        // {
          scrape_timeout = "2m";
          # Labels that make every test a series of its own, and tell where you live.
          metric_relabel_configs = [
            {
              action = "labeldrop";
              regex = "test_uuid|user_.*|server_l.*|distance";
            }
          ];
        }
      )
    ];
  };
}
