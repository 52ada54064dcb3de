# Stands for nixos/modules/services/monitoring/prometheus/exporters.nix and the
# exporters of it that a router may run beside ours. Units are written of those that
# our module starts.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  strings = option (types.listOf types.str) [ ];
  cfg = config.services.prometheus.exporters;

  exporter = name: port: more: option (types.submodule ({ config, ... }: {
    options = {
      enable = option types.bool false;
      port = option types.port port;
      listenAddress = option types.str "0.0.0.0";
      extraFlags = strings;
      openFirewall = option types.bool false;
      firewallFilter = option (types.nullOr types.str) null;
      firewallRules = option (types.nullOr types.lines) null;
      user = option types.str "${name}-exporter";
      group = option types.str "${name}-exporter";
    }
    // more;
    config.firewallRules = lib.mkIf config.openFirewall (
      lib.mkDefault ''tcp dport ${toString config.port} accept comment "${name}-exporter"''
    );
  })) { };

  # What all units have; an exporter's own wins over defaults.
  unit = name: service: lib.mkIf cfg.${name}.enable {
    systemd.services."prometheus-${name}-exporter" = lib.mkMerge [
      {
        wantedBy = [ "multi-user.target" ];
        after = [ "network.target" ];
        serviceConfig = {
          Restart = lib.mkDefault "always";
          DynamicUser = lib.mkDefault true;
          User = lib.mkDefault cfg.${name}.user;
          Group = cfg.${name}.group;
          WorkingDirectory = lib.mkDefault "/tmp";
          UMask = "0077";
          CapabilityBoundingSet = lib.mkDefault [ "" ];
          DeviceAllow = [ "" ];
          LockPersonality = true;
          MemoryDenyWriteExecute = true;
          NoNewPrivileges = true;
          PrivateDevices = lib.mkDefault true;
          PrivateTmp = lib.mkDefault true;
          ProtectClock = lib.mkDefault true;
          ProtectControlGroups = true;
          ProtectHome = true;
          ProtectHostname = true;
          ProtectKernelLogs = true;
          ProtectKernelModules = true;
          ProtectKernelTunables = true;
          ProtectSystem = lib.mkDefault "strict";
          RemoveIPC = true;
          RestrictAddressFamilies = [
            "AF_INET"
            "AF_INET6"
          ];
          RestrictNamespaces = true;
          RestrictRealtime = true;
          RestrictSUIDSGID = true;
          SystemCallArchitectures = "native";
        };
      }
      service
    ];
  };
  at = e: "${e.listenAddress}:${toString e.port}";
  start = pkg: arguments: { serviceConfig.ExecStart = "${lib.getExe pkg} ${arguments}"; };
  given = flag: v: lib.optionalString (v != null) " ${flag} ${v}";

  inherit (cfg) node;
  enabled = name: lib.elem name node.enabledCollectors;
  disabled = name: lib.elem name node.disabledCollectors;
  flags = prefix: lib.concatMapStringsSep " " (name: prefix + name);
in
{
  options.services.prometheus.exporters = option (types.submodule {
    options = {
      node = exporter "node" 9100 {
        enabledCollectors = strings;
        disabledCollectors = strings;
      };
      blackbox = exporter "blackbox" 9115 { configFile = mkOption { type = types.path; }; };
      dnsmasq = exporter "dnsmasq" 9153 {
        dnsmasqListenAddress = option types.str "localhost:53";
        leasesPath = option types.path "/var/lib/dnsmasq/dnsmasq.leases";
      };
      kea = exporter "kea" 9547 { targets = mkOption { type = types.listOf types.str; }; };
      json = exporter "json" 7979 { configFile = mkOption { type = types.path; }; };
      speedtest = exporter "speedtest" 9798 {
        serverFallback = option types.bool false;
        serverID = option types.int (-1);
      };
      unbound = exporter "unbound" 9167 {
        telemetryPath = option types.str "/metrics";
        unbound = {
          host = option types.str "tcp://127.0.0.1:8953";
          ca = option (types.nullOr types.path) "/var/lib/unbound/unbound_server.pem";
          certificate = option (types.nullOr types.path) "/var/lib/unbound/unbound_control.pem";
          key = option (types.nullOr types.path) "/var/lib/unbound/unbound_control.key";
        };
      };
    };
  }) { };

  config = lib.mkMerge [
    (unit "node" {
      serviceConfig = {
        ExecStart = ''
          ${lib.getExe pkgs.prometheus-node-exporter} \
            ${flags "--collector." node.enabledCollectors} \
            ${flags "--no-collector." node.disabledCollectors} \
            --web.listen-address ${at node} ${lib.concatStringsSep " " node.extraFlags}
        '';
        DynamicUser = false;
        ProtectClock = disabled "timex";
        RuntimeDirectory = "prometheus-node-exporter";
        RestrictAddressFamilies =
          lib.optional (enabled "logind" || enabled "systemd") "AF_UNIX"
          ++ lib.optional (enabled "network_route" || enabled "wifi" || !disabled "netdev") "AF_NETLINK";
      };
    })
    (lib.mkIf node.enable {
      networking.firewall.extraInputRules = lib.mkIf (
        node.openFirewall && config.networking.nftables.enable
      ) node.firewallRules;
      users.groups.node-exporter = { };
      users.users.node-exporter = {
        isSystemUser = true;
        inherit (node) group;
        description = "Prometheus node exporter service user";
      };
    })
    (unit "dnsmasq" (
      start pkgs.prometheus-dnsmasq-exporter
        "--listen ${at cfg.dnsmasq} --dnsmasq ${cfg.dnsmasq.dnsmasqListenAddress} --leases_path ${cfg.dnsmasq.leasesPath}"
    ))
    (unit "json" (
      start pkgs.prometheus-json-exporter
        "--config.file ${cfg.json.configFile} --web.listen-address=${at cfg.json}"
    ))
    (unit "speedtest" (
      start pkgs.prometheus-speedtest-exporter
        "-listen-address ${cfg.speedtest.listenAddress} -port ${toString cfg.speedtest.port} -server_id ${toString cfg.speedtest.serverID}"
    ))
    (unit "unbound" (lib.mkMerge [
      (start pkgs.prometheus-unbound-exporter (
        "--unbound.host ${cfg.unbound.unbound.host} --web.listen-address ${at cfg.unbound}"
        + " --web.telemetry-path ${cfg.unbound.telemetryPath}"
        + given "--unbound.ca" cfg.unbound.unbound.ca
        + given "--unbound.cert" cfg.unbound.unbound.certificate
        + given "--unbound.key" cfg.unbound.unbound.key
      ))
      {
        serviceConfig.RestrictAddressFamilies = [ "AF_UNIX" ];
        serviceConfig.User = "unbound";
      }
      (lib.mkIf config.services.unbound.enable {
        after = [ "unbound.service" ];
        requires = [ "unbound.service" ];
      })
    ]))
  ];
}
