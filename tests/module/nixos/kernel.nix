# Stands for nixos/modules/system/boot/kernel.nix, without the modules that NixOS
# loads itself.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  modules = config.boot.kernelModules;
in
{
  options.boot = {
    kernelModules = mkOption {
      type = types.coercedTo (types.listOf types.str) (names: lib.genAttrs names (_: true)) (types.attrsOf types.bool);
      default = { };
      apply = set: lib.attrNames (lib.filterAttrs (_: wanted: wanted) set);
    };
    blacklistedKernelModules = mkOption {
      type = types.listOf types.str;
      default = [ ];
    };
  };

  config.environment.etc = lib.mkIf (modules != [ ]) {
    "modules-load.d/nixos.conf".text = lib.concatLines modules;
  };
}
