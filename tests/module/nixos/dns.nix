# Stands for nixos/modules/services/networking/{unbound,blocky,adguardhome}.nix: what
# others read of them. Of unbound also its unit, and its configuration with the
# defaults that others have to win over.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  yaml = pkgs.formats.yaml { };
  cfg = config.services.unbound;

  # unbound's own format: values, and sections of them
  value = with types; oneOf [ int str bool float ];
  values = types.oneOf [ value (types.listOf value) ];
  part = types.oneOf [ types.str (types.attrsOf values) ];

  write = indent: name: v:
    if lib.isAttrs v then "${indent}${name}:\n" + lib.concatStrings (lib.mapAttrsToList (write "${indent}  ") v)
    else if lib.isList v then lib.concatMapStrings (write indent name) v
    else "${indent}${name}: ${if lib.isBool v then lib.boolToYesNo v else toString v}\n";
in
{
  options.services = {
    unbound = {
      enable = option types.bool false;
      stateDir = option types.path "/var/lib/unbound";
      localControlSocketPath = option (types.nullOr types.str) null;
      settings = option (types.submodule {
        freeformType = types.attrsOf (types.oneOf [ part (types.listOf part) ]);
        options.remote-control.control-enable = option types.bool false;
      }) { };
    };
    blocky = {
      enable = option types.bool false;
      settings = option yaml.type { };
    };
    adguardhome = {
      enable = option types.bool false;
      host = option types.str "0.0.0.0";
      port = option types.port 3000;
      openFirewall = option types.bool false;
      mutableSettings = option types.bool true;
      settings = option (types.nullOr (types.submodule { freeformType = yaml.type; })) null;
    };
  };

  config = lib.mkIf cfg.enable {
    services.unbound.settings = {
      remote-control = {
        control-enable = lib.mkDefault false;
        control-interface = lib.mkDefault [ "127.0.0.1" "::1" ];
        server-cert-file = lib.mkDefault "${cfg.stateDir}/unbound_server.pem";
      }
      // lib.optionalAttrs (cfg.localControlSocketPath != null) {
        control-enable = true;
        control-interface = cfg.localControlSocketPath;
      };
      server.interface = lib.mkDefault [ "127.0.0.1" "::1" ];
    };

    environment.etc."unbound/unbound.conf".text =
      write "" "server" cfg.settings.server
      + lib.concatStrings (lib.mapAttrsToList (write "") (removeAttrs cfg.settings [ "server" ]));

    users.groups.unbound = { };
    users.users.unbound = {
      isSystemUser = true;
      group = "unbound";
      description = "unbound daemon user";
    };

    systemd.services.unbound = {
      description = "Unbound recursive Domain Name Server";
      wantedBy = [ "multi-user.target" "nss-lookup.target" ];
      after = [ "network.target" ];
      serviceConfig = {
        Type = "notify";
        ExecStart = "${pkgs.unbound-with-systemd}/bin/unbound -p -d -c /etc/unbound/unbound.conf";
        User = "unbound";
        Group = "unbound";
        RuntimeDirectory = "unbound";
        StateDirectory = "unbound";
      };
    };
  };
}
