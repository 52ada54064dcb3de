# Stands for nixos/modules/services/networking/{unbound,blocky,adguardhome}.nix: what
# others read of them, and of unbound the defaults that others have to win over.
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

  config.services.unbound.settings = lib.mkIf cfg.enable {
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
}
