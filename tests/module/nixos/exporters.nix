# Stands for nixos/modules/services/monitoring/prometheus/exporters.nix and the
# exporters of it that a router may run beside ours. Of those only the node exporter's
# unit is written.
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

  inherit (cfg) node;
  enabled = name: lib.elem name node.enabledCollectors;
  disabled = name: lib.elem name node.disabledCollectors;
  flags = prefix: lib.concatMapStringsSep " " (name: prefix + name);
in
{
  options.services.prometheus.exporters = {
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
    unbound = exporter "unbound" 9167 { };
  };

  config = lib.mkIf node.enable {
    networking.firewall.extraInputRules = lib.mkIf (
      node.openFirewall && config.networking.nftables.enable
    ) node.firewallRules;

    users.groups.node-exporter = { };
    users.users.node-exporter = {
      isSystemUser = true;
      inherit (node) group;
      description = "Prometheus node exporter service user";
    };

    systemd.services.prometheus-node-exporter = {
      wantedBy = [ "multi-user.target" ];
      after = [ "network.target" ];
      serviceConfig = {
        ExecStart = ''
          ${lib.getExe pkgs.prometheus-node-exporter} \
            ${flags "--collector." node.enabledCollectors} \
            ${flags "--no-collector." node.disabledCollectors} \
            --web.listen-address ${node.listenAddress}:${toString node.port} ${lib.concatStringsSep " " node.extraFlags}
        '';
        User = lib.mkDefault node.user;
        Group = node.group;
        DynamicUser = false;
        Restart = lib.mkDefault "always";
        RuntimeDirectory = "prometheus-node-exporter";
        WorkingDirectory = lib.mkDefault "/tmp";
        UMask = "0077";
        CapabilityBoundingSet = lib.mkDefault [ "" ];
        DeviceAllow = [ "" ];
        LockPersonality = true;
        MemoryDenyWriteExecute = true;
        NoNewPrivileges = true;
        PrivateDevices = lib.mkDefault true;
        PrivateTmp = lib.mkDefault true;
        ProtectClock = disabled "timex";
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
        ]
        ++ lib.optional (enabled "logind" || enabled "systemd") "AF_UNIX"
        ++ lib.optional (enabled "network_route" || enabled "wifi" || !disabled "netdev") "AF_NETLINK";
        RestrictNamespaces = true;
        RestrictRealtime = true;
        RestrictSUIDSGID = true;
        SystemCallArchitectures = "native";
      };
    };
  };
}
