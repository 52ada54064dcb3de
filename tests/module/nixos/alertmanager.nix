# Stands for nixos/modules/services/monitoring/prometheus/alertmanager.nix. There the
# configuration goes through envsubst, which puts in variables of environmentFile and
# makes one "$" of two; here sed does the latter.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  cfg = config.services.prometheus.alertmanager;

  file =
    if cfg.configText != null then pkgs.writeText "alertmanager.yml" cfg.configText
    else (pkgs.formats.json { }).generate "alertmanager.yml" cfg.configuration;
  substituted = "/tmp/alert-manager-substituted.yaml";
  flags = cfg.extraFlags
    ++ [
      "--config.file ${substituted}"
      "--web.listen-address ${cfg.listenAddress}:${toString cfg.port}"
      "--log.level ${cfg.logLevel}"
      "--storage.path /var/lib/alertmanager"
      (lib.concatMapStringsSep " " (peer: "--cluster.peer ${peer}:9094") cfg.clusterPeers)
    ]
    ++ lib.optional (cfg.webExternalUrl != null) "--web.external-url ${cfg.webExternalUrl}"
    ++ lib.optional (cfg.logFormat != null) "--log.format ${cfg.logFormat}";
in
{
  options.services.prometheus.alertmanager = {
    enable = option types.bool false;
    package = option types.package pkgs.prometheus-alertmanager;
    port = option types.port 9093;
    listenAddress = option types.str "";
    openFirewall = option types.bool false;
    configuration = option (types.nullOr types.attrs) null;
    configText = option (types.nullOr types.lines) null;
    checkConfig = option types.bool true;
    webExternalUrl = option (types.nullOr types.str) null;
    clusterPeers = option (types.listOf types.str) [ ];
    extraFlags = option (types.listOf types.str) [ ];
    logLevel = option (types.enum [ "debug" "info" "warn" "error" "fatal" ]) "warn";
    logFormat = option (types.nullOr types.str) null;
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.configuration != null || cfg.configText != null;
        message = "Can not enable alertmanager without a configuration. Set either the `configuration` or `configText` attribute.";
      }
    ];

    networking.firewall.allowedTCPPorts = lib.optional cfg.openFirewall cfg.port;

    systemd.services.alertmanager = {
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [ "network-online.target" ];
      preStart = ''
        ${lib.getExe' pkgs.gnused "sed"} 's/\$\$/$/g' ${file} > ${substituted}
      '';
      serviceConfig = {
        ExecStart = lib.concatStringsSep " \\\n  " ([ (lib.getExe cfg.package) ] ++ flags);
        ExecReload = "${pkgs.coreutils}/bin/kill -HUP $MAINPID";
        DynamicUser = true;
        Restart = "always";
        StateDirectory = "alertmanager";
        WorkingDirectory = "/tmp";
        CapabilityBoundingSet = [ "" ];
        DeviceAllow = [ "" ];
        LockPersonality = true;
        MemoryDenyWriteExecute = true;
        NoNewPrivileges = true;
        PrivateDevices = true;
        PrivateIPC = true;
        PrivateTmp = true;
        ProcSubset = "pid";
        ProtectClock = true;
        ProtectControlGroups = true;
        ProtectHome = "tmpfs";
        ProtectHostname = true;
        ProtectKernelLogs = true;
        ProtectKernelModules = true;
        ProtectKernelTunables = true;
        ProtectProc = "invisible";
        ProtectSystem = "strict";
        RestrictAddressFamilies = [ "AF_INET" "AF_INET6" "AF_NETLINK" ];
        RestrictNamespaces = true;
        RestrictRealtime = true;
        RestrictSUIDSGID = true;
        SystemCallFilter = [ "@system-service" "~@cpu-emulation" "~@privileged" "~@reboot" "~@setuid" "~@swap" ];
      };
    };
  };
}
