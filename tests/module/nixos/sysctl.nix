# Stands for nixos/modules/config/sysctl.nix, without NixOS' own defaults.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;

  # One definition alone: two are an error even where they are equal.
  value = lib.mkOptionType {
    name = "sysctl option value";
    check = v:
      let
        plain = if v._type or "" == "override" then v.content else v;
      in
      plain == null || lib.isBool plain || lib.isInt plain || lib.isString plain;
    merge = lib.mergeOneOption;
  };
  highest = types.ints.unsigned // {
    merge = _: definitions: lib.foldl' lib.max 0 (map (d: d.value) definitions);
  };

  text = v: if v == false then "0" else toString v;
  set = lib.filterAttrs (_: v: v != null) config.boot.kernel.sysctl;
in
{
  options.boot.kernel.sysctl = mkOption {
    type = types.submodule {
      freeformType = types.attrsOf value;
      options = lib.genAttrs [ "net.core.rmem_max" "net.core.wmem_max" ] (
        _: mkOption {
          type = types.nullOr highest;
          default = null;
        }
      );
    };
    default = { };
  };

  config.environment.etc = lib.mkIf (set != { }) {
    "sysctl.d/60-nixos.conf".text = lib.concatLines (lib.mapAttrsToList (n: v: "${n}=${text v}") set);
  };
}
