# Stands for nixos/modules/system/etc/etc.nix and config/system-path.nix. A file of
# the store is shown as its text, not as the link that it is on NixOS; its mode and
# owner are left out.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };

  file = { config, name, options, ... }: {
    options = {
      enable = option types.bool true;
      target = option types.str name;
      text = option (types.nullOr types.lines) null;
      source = mkOption { type = types.path; };
      mode = option types.str "symlink";
      uid = option types.int 0;
      gid = option types.int 0;
      user = option types.str "+${toString config.uid}";
      group = option types.str "+${toString config.gid}";
    };
    config.source = lib.mkIf (config.text != null) (
      lib.mkDerivedConfig options.text (pkgs.writeText "etc-${lib.replaceStrings [ "/" ] [ "-" ] name}")
    );
  };

  # What is in the store has a context; what is elsewhere is linked to.
  render = f:
    let
      source = "${f.source}";
    in
    if builtins.hasContext source then
      { text = builtins.unsafeDiscardStringContext (builtins.readFile source); }
    else
      { symlink = source; };
in
{
  options.environment = {
    etc = option (types.attrsOf (types.submodule file)) { };
    systemPackages = option (types.listOf types.package) [ ];
  };

  config.rendered = lib.mapAttrs' (_: f: lib.nameValuePair "/etc/${f.target}" (render f)) (
    lib.filterAttrs (_: f: f.enable) config.environment.etc
  );
}
