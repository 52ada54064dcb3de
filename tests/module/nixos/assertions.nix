# Stands for nixos/modules/misc/{assertions,meta,version}.nix.
{ lib, ... }:
let
  inherit (lib) mkOption types;
in
{
  options = {
    assertions = mkOption {
      type = types.listOf types.unspecified;
      default = [ ];
      internal = true;
    };
    warnings = mkOption {
      type = types.listOf types.str;
      default = [ ];
      internal = true;
    };
    meta = mkOption {
      type = types.attrsOf types.anything;
      default = { };
      internal = true;
    };
    system.stateVersion = mkOption {
      type = types.str;
      default = "26.05";
    };
  };
}
