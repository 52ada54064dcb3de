# The unit: no user, no privilege but the one it needs, nothing to see but what it
# reads.
{
  config,
  lib,
  pkgs,
  utils,
  ...
}:
let
  cfg = config.services.network-metrics-exporter;
  inherit (cfg) settings;
  inherit (import ../endpoint.nix { inherit lib; }) endpoint isLoopback;

  generated = (pkgs.formats.yaml { }).generate "config.yml" settings;
  checked = pkgs.runCommand "network-metrics-exporter.yml" { source = generated; } ''
    ${lib.getExe cfg.package} --config.check --config.file="$source" && cp "$source" "$out"
  '';
  canCheck = cfg.checkConfig && pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform;
  etc = "network-metrics-exporter/config.yml";

  # Kea keeps its leases and its control sockets from everybody but its own user. So
  # the exporter runs as that user, and sees of Kea nothing but its folder of leases,
  # that read-only, and the sockets if it is to ask there.
  keaFiles = lib.filter (f: f.format == "kea") settings.dhcp.leases or [ ];
  keaFolders = lib.unique (map (f: dirOf f.path) keaFiles);
  asksKea = settings.dhcp.kea or [ ] != [ ];
  besideKea = (keaFiles != [ ] || asksKea) && (config.services.kea.dhcp4.enable || config.services.kea.dhcp6.enable);
  keaState = "/var/lib/kea";
  private = lib.replaceStrings [ keaState ] [ "/var/lib/private/kea" ];

  maxClients = settings.accounting.max_clients or 4096;
in
{
  config = lib.mkIf cfg.enable {
    environment.etc.${etc}.source = if canCheck then checked else generated;
    environment.systemPackages = [ cfg.package ]; # the manual page, and --config.check

    boot.kernelModules = [
      "nf_conntrack"
      "nf_conntrack_netlink"
      "nf_tables"
      "nft_ct"
    ];

    # There before Kea's first start: a folder that comes later is not let in, and
    # to wait for Kea would be to wait for the network.
    systemd.tmpfiles.settings.network-metrics-exporter = lib.mkIf besideKea (
      lib.genAttrs (map private (lib.filter (d: d == keaState || lib.hasPrefix "${keaState}/" d) keaFolders)) (_: {
        d = {
          user = "kea";
          group = "kea";
          mode = "0755";
        };
      })
    );

    assertions = [
      {
        assertion = lib.hasPrefix "/var/lib/" settings.state_dir;
        message = "services.network-metrics-exporter.stateDir is ${settings.state_dir}, which systemd cannot make for a dynamic user: choose a folder below /var/lib, and mount another file system there if need be.";
      }
    ];

    systemd.services.network-metrics-exporter = {
      description = "Per-client network metrics for Prometheus";
      documentation = [ "man:network-metrics-exporter(1)" ];
      wantedBy = [ "multi-user.target" ];
      after = [
        "network.target"
        "nftables.service"
      ];
      reloadTriggers = [ config.environment.etc.${etc}.source ];
      unitConfig.StartLimitIntervalSec = 0; # a router is left alone: never give up

      serviceConfig = {
        Type = "notify";
        ExecStart = utils.escapeSystemdExecArgs (
          [
            (lib.getExe cfg.package)
            "--config.file=/etc/${etc}"
            "--web.listen-address=${endpoint cfg.listenAddress cfg.port}"
          ]
          ++ lib.optional (cfg.webConfigFile != null) "--web.config.file=/run/credentials/network-metrics-exporter.service/web.yml"
          ++ cfg.extraFlags
        );
        ExecReload = "${lib.getExe' pkgs.coreutils "kill"} -HUP $MAINPID";
        Restart = "always";
        RestartSec = 5;
        WatchdogSec = 60;

        DynamicUser = true;
        User = lib.mkIf besideKea "kea";
        StateDirectory = lib.removePrefix "/var/lib/" settings.state_dir;
        StateDirectoryMode = "0700";
        UMask = "0077";
        LoadCredential = lib.mkIf (cfg.webConfigFile != null) [ "web.yml:${cfg.webConfigFile}" ];
        BindReadOnlyPaths = lib.mkIf besideKea (map (d: "-${private d}") keaFolders);
        InaccessiblePaths = lib.mkIf (besideKea && !asksKea) [ "-/run/kea" ];
        # Shared with Kea's units, of which the first to start makes it.
        RuntimeDirectory = lib.mkIf (besideKea && asksKea) "kea";
        RuntimeDirectoryMode = lib.mkIf (besideKea && asksKea) "0750";
        RuntimeDirectoryPreserve = lib.mkIf (besideKea && asksKea) true;
        ReadOnlyPaths = lib.mkIf (besideKea && asksKea) [ "/run/kea" ];

        AmbientCapabilities = [ "CAP_NET_ADMIN" ];
        CapabilityBoundingSet = [ "CAP_NET_ADMIN" ];
        NoNewPrivileges = true;
        # No PrivateUsers: CAP_NET_ADMIN would end at that user namespace, and with
        # it every dump of connections. No ProcSubset: limits are read in /proc/sys.
        RestrictAddressFamilies = [
          "AF_INET"
          "AF_INET6"
          "AF_NETLINK"
          "AF_UNIX"
        ];
        SystemCallArchitectures = "native";
        SystemCallFilter = [
          "@system-service"
          "~@privileged"
          "~@resources"
        ];
        SystemCallErrorNumber = "EPERM";
        LockPersonality = true;
        MemoryDenyWriteExecute = true;
        PrivateDevices = true;
        PrivateTmp = true;
        ProcSubset = "all";
        ProtectClock = true;
        ProtectControlGroups = true;
        ProtectHome = true;
        ProtectHostname = true;
        ProtectKernelLogs = true;
        ProtectKernelModules = true;
        ProtectKernelTunables = true;
        ProtectProc = "invisible";
        ProtectSystem = "strict";
        RemoveIPC = true;
        RestrictNamespaces = true;
        RestrictRealtime = true;
        RestrictSUIDSGID = true;
        DevicePolicy = "closed";
        # twice what the exporter bounds its own heap to
        MemoryMax = "${toString (64 + maxClients / 128)}M";
      }
      // lib.optionalAttrs (isLoopback cfg.listenAddress) {
        IPAddressAllow = [ "localhost" ] ++ settings.wan.probes.targets or [ ];
        IPAddressDeny = "any";
      };
    };
  };
}
