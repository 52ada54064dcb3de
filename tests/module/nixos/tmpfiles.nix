# Stands for nixos/modules/system/boot/systemd/tmpfiles.nix, without the rules that
# come with systemd.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  cfg = config.systemd.tmpfiles;

  rule = { name, ... }: {
    options = {
      type = option types.str name;
      argument = option types.str "";
    }
    // lib.genAttrs [ "mode" "user" "group" "age" ] (_: option types.str "-");
  };
  line = path: r: "'${r.type}' '${path}' '${r.mode}' '${r.user}' '${r.group}' '${r.age}' ${r.argument}\n";
  content = paths: lib.concatStrings (
    lib.concatLists (lib.mapAttrsToList (path: rules: map (line path) (lib.attrValues rules)) paths)
  );
in
{
  options.systemd.tmpfiles = {
    rules = option (types.listOf types.str) [ ];
    settings = option (types.attrsOf (types.attrsOf (types.attrsOf (types.submodule rule)))) { };
  };

  config.environment.etc =
    lib.mapAttrs' (name: paths: lib.nameValuePair "tmpfiles.d/${name}.conf" { text = content paths; }) (
      lib.filterAttrs (_: paths: paths != { }) cfg.settings
    )
    // lib.optionalAttrs (cfg.rules != [ ]) {
      "tmpfiles.d/00-nixos.conf".text = lib.concatLines cfg.rules;
    };
}
