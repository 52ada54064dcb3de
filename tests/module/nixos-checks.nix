# Evaluates the cases with NixOS itself, down to the derivation of a whole system;
# none may warn, but for the one whose option names are old.
{ pkgs, nixpkgs }:
let
  inherit (pkgs) lib;
  system =
    configuration:
    (nixpkgs.lib.nixosSystem {
      modules = [
        ../../module
        configuration
        {
          nixpkgs.hostPlatform = pkgs.stdenv.hostPlatform.system;
          boot.loader.grub.enable = false;
          fileSystems."/".device = "tmpfs";
          fileSystems."/".fsType = "tmpfs";
          system.stateVersion = "26.05";
        }
      ];
    }).config;

  check =
    name: configuration:
    let
      config = system configuration;
      ours = lib.filter (lib.hasInfix "network-metrics-exporter") config.warnings;
    in
    pkgs.runCommand "module-${name}"
      {
        evaluated = builtins.unsafeDiscardStringContext config.system.build.toplevel.drvPath;
        warnings = toString ours;
      }
      (
        if name == "earlier" then
          ''[ -n "$warnings" ] && echo "$evaluated" > $out''
        else
          ''[ -z "$warnings" ] || { echo "$warnings" >&2; exit 1; }; echo "$evaluated" > $out''
      );

  cases = lib.mapAttrs' (file: _: {
    name = lib.removeSuffix ".nix" file;
    value = ./cases + "/${file}";
  }) (builtins.readDir ./cases);
in
lib.mapAttrs' (name: configuration: {
  name = "module-${name}";
  value = check name configuration;
}) cases
