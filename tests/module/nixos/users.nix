# Stands for nixos/modules/config/users-groups.nix, and writes what
# system/boot/systemd/sysusers.nix makes of it.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  cfg = config.users;

  user = { config, ... }: {
    options = {
      uid = option (types.nullOr types.int) null;
      isSystemUser = option types.bool false;
      isNormalUser = option types.bool false;
      group = option types.str "";
      extraGroups = option (types.listOf types.str) [ ];
      description = option types.str "";
      home = option types.str "/var/empty";
      homeMode = option (types.strMatching "[0-7]{1,5}") "700";
      createHome = option types.bool false;
      packages = option (types.listOf types.package) [ ];
    };
  };
  group.options = {
    gid = option (types.nullOr types.int) null;
    members = option (types.listOf types.str) [ ];
  };

  id = n: if n == null then "-" else toString n;
  userLine = name: u: ''u ${name} ${id u.uid}:${u.group} "${u.description}" ${u.home}'';
  groupLine = name: g: "g ${name} ${id g.gid}";
  memberLines = name: g: map (m: "m ${m} ${name}") g.members;
  extraLines = name: u: map (g: "m ${name} ${g}") u.extraGroups;
  each = f: lib.mapAttrsToList f;

  homes = lib.filterAttrs (_: u: u.createHome) cfg.users;
in
{
  options.users = {
    users = option (types.attrsOf (types.submodule user)) { };
    groups = option (types.attrsOf (types.submodule group)) { };
  };

  config = {
    environment.etc."sysusers.d/nixos.conf" = lib.mkIf (cfg.users != { }) {
      text = lib.concatLines (
        each groupLine cfg.groups
        ++ each userLine cfg.users
        ++ lib.concatLists (each memberLines cfg.groups ++ each extraLines cfg.users)
      );
    };
    systemd.tmpfiles.settings.home-directories = lib.mapAttrs' (
      name: u: lib.nameValuePair u.home { d = { mode = u.homeMode; user = name; inherit (u) group; }; }
    ) homes;

    assertions = lib.concatLists (
      each (name: u: [
        {
          assertion = lib.xor (u.isSystemUser || (u.uid != null && u.uid < 500)) u.isNormalUser;
          message = "Exactly one of users.users.${name}.isSystemUser and users.users.${name}.isNormalUser must be set.";
        }
        {
          assertion = u.group != "";
          message = "users.users.${name}.group is unset.";
        }
      ]) cfg.users
    );
  };
}
