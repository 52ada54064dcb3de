# The rules that Prometheus evaluates, with the thresholds of this household.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.router-monitoring;
  cfgAlerts = cfg.alerts;

  number = default: description: mkOption {
    type = types.number;
    inherit default description;
  };
  # One figure for each direction, as the clients see it.
  perDirection = rx: tx: description: {
    rx = number rx "${description}, download.";
    tx = number tx "${description}, upload.";
  };

  series = name: labels: value: {
    record = "router_monitoring:threshold:${name}";
    expr = "vector(${toString value})";
  } // lib.optionalAttrs (labels != { }) { inherit labels; };
  bothDirections = name: value: [
    (series name { direction = "rx"; } value.rx)
    (series name { direction = "tx"; } value.tx)
  ];

  t = cfgAlerts.thresholds;
  thresholds.groups = [
    {
      name = "router_monitoring_thresholds";
      interval = "1m";
      rules =
        bothDirections "client_bytes_per_second" t.clientBytesPerSecond
        ++ bothDirections "line_bytes_per_second" t.lineBytesPerSecond
        ++ [
          (series "line_saturated_ratio" { } t.lineSaturatedRatio)
          (series "line_share_ratio" { } t.lineShareRatio)
          (series "streaming_bytes_per_second" { } t.streamingBytesPerSecond)
          (series "quota_used_ratio" { } t.quotaUsedRatio)
          (series "quota_left_seconds" { } t.quotaLeftSeconds)
          (series "new_device_seconds" { } t.newDeviceSeconds)
          (series "client_connections" { } t.clientConnections)
          (series "conntrack_used_ratio" { } t.conntrackUsedRatio)
          (series "dhcp_pool_used_ratio" { } t.dhcpPoolUsedRatio)
          (series "bypassed_ratio" { } t.bypassedRatio)
          (series "probe_loss_ratio" { } t.probeLossRatio)
          (series "unattributed_ratio" { } t.unattributedRatio)
          (series "disk_used_ratio" { } t.diskUsedRatio)
          (series "temperature_celsius" { } t.temperatureCelsius)
          (series "cpu_used_ratio" { } t.cpuUsedRatio)
          (series "memory_used_ratio" { } t.memoryUsedRatio)
        ];
    }
  ];
in
{
  options.services.router-monitoring.alerts = {
    enable = mkOption {
      type = types.bool;
      default = true;
      description = "Evaluate [the alerts](alerts.md). Grafana and Prometheus show them; {option}`services.router-monitoring.alertmanager` sends them.";
    };

    thresholds = {
      clientBytesPerSecond = perDirection 12500000 2500000 "Bytes per second above which a client uses much of the line";
      lineBytesPerSecond = perDirection 0 0 "Speed of your line in bytes per second (250 Mbit/s are 31250000), 0 for unknown. With it, the share of a client in a full line counts too";
      lineSaturatedRatio = number 0.9 "Share of its speed from which on the line is full.";
      lineShareRatio = number 0.5 "Share of one client in a full line that is much.";
      streamingBytesPerSecond = number 375000 "Download, in bytes per second, that counts as streaming.";
      quotaUsedRatio = number 0.8 "Share of a quota from which on it is nearly used.";
      quotaLeftSeconds = number 259200 "Seconds that the rest of a quota has to last at the pace of the last day.";
      newDeviceSeconds = number 3600 "Seconds for which a new device is news; at most a day.";
      clientConnections = number 1000 "Connections of one client that are too many.";
      conntrackUsedRatio = number 0.8 "Share of the connection table that may be used.";
      dhcpPoolUsedRatio = number 0.9 "Share of a DHCP pool's addresses that may be leased or declined.";
      probeLossRatio = number 0.05 "Share of the probes (`wanProbes`) that are lost, to most of their targets, for PacketLoss.";
      bypassedRatio = number 0.5 "Share of the line's bytes that may pass without being counted.";
      unattributedRatio = number 0.05 "Share of the counted bytes that may be without a client.";
      diskUsedRatio = number 0.9 "Share of a disk that may be used.";
      temperatureCelsius = number 85 "Degrees Celsius that the hottest sensor may show.";
      cpuUsedRatio = number 0.9 "Share of the processors' time that may be used.";
      memoryUsedRatio = number 0.9 "Share of the memory that may be used.";
    };

    extraRuleFiles = mkOption {
      type = types.listOf types.path;
      default = [ ];
      example = lib.literalExpression "[ ./my.rules.yml ]";
      description = "Rule files of your own.";
    };

    legacyNames = mkOption {
      type = types.bool;
      default = false;
      description = "Record `client_traffic_bytes` and other names of an earlier exporter too, for dashboards you have.";
    };
  };

  # Dashboards read the recorded series and draw the thresholds, so these are
  # there without alerts too.
  config = lib.mkIf (cfg.enable && cfg.prometheus.enable) {
    services.prometheus.ruleFiles = [
      ../../alerts/recording.rules.yml
      ((pkgs.formats.yaml { }).generate "thresholds.rules.yml" thresholds)
    ]
    ++ lib.optional cfgAlerts.enable ../../alerts/alerts.rules.yml
    ++ lib.optional cfgAlerts.legacyNames ../../alerts/legacy.rules.yml
    ++ cfgAlerts.extraRuleFiles;
  };
}
