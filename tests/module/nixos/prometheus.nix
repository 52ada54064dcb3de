# Stands for nixos/modules/services/monitoring/prometheus/default.nix, without agent
# mode. What promtool checks when a system is built, tests check.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  required = type: mkOption { inherit type; };
  cfg = config.services.prometheus;

  # Prometheus' configuration is strict: a key that is not here is an error.
  optional = type: option (types.nullOr type) null;
  each = type: names: lib.genAttrs (lib.splitString " " names) (_: optional type);
  record = options: types.submodule { inherit options; };

  basicAuth = record ({ username = required types.str; } // each types.str "password password_file");
  tls = record (each types.str "ca_file cert_file key_file server_name" // each types.bool "insecure_skip_verify");
  relabel = record (
    each types.str "separator target_label regex replacement"
    // {
      source_labels = optional (types.listOf types.str);
      modulus = optional types.int;
      action = optional (
        types.enum [ "replace" "lowercase" "uppercase" "keep" "drop" "hashmod" "labelmap" "labeldrop" "labelkeep" ]
      );
    }
  );
  access = each types.str "bearer_token bearer_token_file proxy_url" // {
    basic_auth = optional basicAuth;
    tls_config = optional tls;
  };

  # Of service discovery, what a house has.
  static = record {
    targets = required (types.listOf types.str);
    labels = option (types.attrsOf types.str) { };
  };
  files = record ({ files = required (types.listOf types.str); } // each types.str "refresh_interval");
  dns = record ({
    names = required (types.listOf types.str);
    type = optional (types.enum [ "SRV" "A" "AAAA" "MX" "NS" ]);
    port = optional types.port;
  } // each types.str "refresh_interval");

  scrape = record (
    access
    // each types.str "scrape_interval scrape_timeout metrics_path body_size_limit fallback_scrape_protocol"
    // each types.bool "honor_labels honor_timestamps"
    // each types.int "sample_limit label_limit label_name_length_limit label_value_length_limit target_limit"
    // each (types.listOf relabel) "relabel_configs metric_relabel_configs"
    // {
      job_name = required types.str;
      scheme = optional (types.enum [ "http" "https" ]);
      params = optional (types.attrsOf (types.listOf types.str));
      authorization = optional types.attrs;
      scrape_protocols = optional (types.listOf types.str);
      static_configs = optional (types.listOf static);
      file_sd_configs = optional (types.listOf files);
      dns_sd_configs = optional (types.listOf dns);
    }
  );
  remoteWrite = record (
    access
    // each types.str "name remote_timeout"
    // {
      url = required types.str;
      headers = optional (types.attrsOf types.str);
      write_relabel_configs = optional (types.listOf relabel);
      metadata_config = optional (record (each types.bool "send" // each types.str "send_interval"));
      queue_config = optional (record (
        each types.str "batch_send_deadline max_backoff min_backoff"
        // each types.int "capacity max_samples_per_send max_shards min_shards"
      ));
    }
  );
  global = record (
    each types.str "scrape_interval scrape_timeout evaluation_interval query_log_file"
    // { external_labels = optional (types.attrsOf types.str); }
  );

  withoutNull = v:
    if lib.isAttrs v then lib.mapAttrs (_: withoutNull) (lib.filterAttrs (n: v: n != "_module" && v != null) v)
    else if lib.isList v then map withoutNull v
    else v;

  ruleFiles = map (f: "${f}") cfg.ruleFiles
    ++ lib.optional (cfg.rules != [ ]) (pkgs.writeText "prometheus.rules" (lib.concatStringsSep "\n" cfg.rules));
  generated = (pkgs.formats.yaml { }).generate "prometheus.yml" {
    global = withoutNull cfg.globalConfig;
    scrape_configs = withoutNull cfg.scrapeConfigs;
    remote_write = withoutNull cfg.remoteWrite;
    rule_files = ruleFiles;
    alerting = { inherit (cfg) alertmanagers; };
  };
  file = if cfg.configText == null then generated else pkgs.writeText "prometheus.yml" cfg.configText;

  stateDir = "/var/lib/${cfg.stateDir}";
  flags = cfg.extraFlags
    ++ [
      "--config.file=${file}"
      "--web.listen-address=${cfg.listenAddress}:${toString cfg.port}"
      "--alertmanager.notification-queue-capacity=${toString cfg.alertmanagerNotificationQueueCapacity}"
      "--storage.tsdb.path=${stateDir}/data/"
    ]
    ++ lib.optional (cfg.webExternalUrl != null) "--web.external-url=${cfg.webExternalUrl}"
    ++ lib.optional (cfg.retentionTime != null) "--storage.tsdb.retention.time=${cfg.retentionTime}"
    ++ lib.optional (cfg.webConfigFile != null) "--web.config.file=${cfg.webConfigFile}";
in
{
  options.services.prometheus = {
    enable = option types.bool false;
    package = option types.package pkgs.prometheus;
    port = option types.port 9090;
    listenAddress = option types.str "0.0.0.0";
    stateDir = option types.str "prometheus2";
    retentionTime = option (types.nullOr types.str) null;
    extraFlags = option (types.listOf types.str) [ ];
    checkConfig = option (types.either types.bool (types.enum [ "syntax-only" ])) true;
    configText = option (types.nullOr types.lines) null;
    webExternalUrl = option (types.nullOr types.str) null;
    webConfigFile = option (types.nullOr types.path) null;
    alertmanagerNotificationQueueCapacity = option types.int 10000;
    globalConfig = option global { };
    scrapeConfigs = option (types.listOf scrape) [ ];
    remoteWrite = option (types.listOf remoteWrite) [ ];
    rules = option (types.listOf types.str) [ ];
    ruleFiles = option (types.listOf types.path) [ ];
    alertmanagers = option (types.listOf types.attrs) [ ];
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = builtins.match "(.*\\..*|.*]):([[:digit:]]+)" cfg.listenAddress == null;
        message = "Do not specify the port for Prometheus to listen on in the listenAddress option; use the port option instead.";
      }
    ];

    users.groups.prometheus.gid = 255;
    users.users.prometheus = {
      uid = 255;
      group = "prometheus";
      description = "Prometheus daemon user";
    };

    systemd.services.prometheus = {
      wantedBy = [ "multi-user.target" ];
      after = [ "network.target" ];
      serviceConfig = {
        ExecStart = lib.concatStringsSep " \\\n  " ([ (lib.getExe cfg.package) ] ++ flags);
        User = "prometheus";
        Restart = "always";
        RuntimeDirectory = "prometheus";
        RuntimeDirectoryMode = "0700";
        StateDirectory = cfg.stateDir;
        StateDirectoryMode = "0700";
        WorkingDirectory = stateDir;
        CapabilityBoundingSet = [ "" ];
        DeviceAllow = [ "/dev/null rw" ];
        DevicePolicy = "strict";
        LockPersonality = true;
        MemoryDenyWriteExecute = true;
        NoNewPrivileges = true;
        PrivateDevices = true;
        PrivateTmp = true;
        PrivateUsers = true;
        ProtectClock = true;
        ProtectControlGroups = true;
        ProtectHome = true;
        ProtectHostname = true;
        ProtectKernelLogs = true;
        ProtectKernelModules = true;
        ProtectKernelTunables = true;
        ProtectProc = "invisible";
        ProtectSystem = "full";
        RemoveIPC = true;
        RestrictAddressFamilies = [ "AF_INET" "AF_INET6" "AF_UNIX" ];
        RestrictNamespaces = true;
        RestrictRealtime = true;
        RestrictSUIDSGID = true;
        SystemCallArchitectures = "native";
        SystemCallFilter = [ "@system-service" "~@privileged" ];
      };
    };
  };
}
