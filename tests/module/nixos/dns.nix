# Stands for nixos/modules/services/networking/{unbound,blocky,adguardhome}.nix: only
# what others read of them.
{ lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  yaml = pkgs.formats.yaml { };
in
{
  options.services = {
    unbound = {
      enable = option types.bool false;
      settings = option (types.attrsOf types.anything) { };
      localControlSocketPath = option (types.nullOr types.str) null;
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
}
