# Stands for nixos/modules/services/networking/kea.nix: the DHCP servers.
{ config, lib, pkgs, utils, ... }:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  cfg = config.services.kea;
  json = pkgs.formats.json { };

  server = option (types.submodule {
    options = {
      enable = option types.bool false;
      configFile = option (types.nullOr types.path) null;
      extraArgs = option (types.listOf types.str) [ ];
      settings = option json.type null;
    };
  }) { };

  of = name: section: capabilities:
    let
      own = cfg.${name};
      generated = json.generate "kea-${name}.conf" { ${section} = own.settings; };
      file = if own.configFile != null then own.configFile else generated;
    in
    lib.mkIf own.enable {
      assertions = [
        {
          assertion = lib.xor (own.settings == null) (own.configFile == null);
          message = "Either services.kea.${name}.settings or services.kea.${name}.configFile must be set to a non-null value.";
        }
      ];

      environment.etc."kea/${name}-server.conf".source = file;
      environment.systemPackages = [ cfg.package ];
      users.groups.kea = { };
      users.users.kea = {
        isSystemUser = true;
        group = "kea";
      };

      systemd.services."kea-${name}-server" = {
        description = "Kea ${lib.toUpper name} Server";
        documentation = [ "man:kea-${name}(8)" ];
        wantedBy = [ "multi-user.target" ];
        wants = [ "network-online.target" ];
        after = [ "network-online.target" "time-sync.target" ];
        environment.KEA_HOOKS_PATH = lib.mkDefault "${cfg.package}/lib/kea/hooks";
        environment.KEA_HOOK_SCRIPTS_PATH = lib.mkDefault "/nix/store";
        restartTriggers = [ file ];
        serviceConfig = {
          ExecStart = utils.escapeSystemdExecArgs (
            [ "${cfg.package}/bin/kea-${name}" "-c" "/etc/kea/${name}-server.conf" ] ++ own.extraArgs
          );
          ExecReload = "${pkgs.coreutils}/bin/kill -HUP $MAINPID";
          User = "kea";
          DynamicUser = true;
          UMask = "0077";
          Restart = "on-failure";
          ConfigurationDirectory = "kea";
          RuntimeDirectory = "kea";
          RuntimeDirectoryMode = "0750";
          RuntimeDirectoryPreserve = true;
          StateDirectory = "kea";
          AmbientCapabilities = capabilities;
          CapabilityBoundingSet = capabilities;
        };
      };
    };
in
{
  options.services.kea = {
    package = option types.package pkgs.kea;
    dhcp4 = server;
    dhcp6 = server;
  };

  config = lib.mkMerge [
    (of "dhcp4" "Dhcp4" [ "CAP_NET_BIND_SERVICE" "CAP_NET_RAW" ])
    (of "dhcp6" "Dhcp6" [ "CAP_NET_BIND_SERVICE" ])
  ];
}
