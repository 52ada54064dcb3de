# Evaluates a NixOS configuration with our modules and nixpkgs' lib alone: what
# they set of NixOS is declared by the stand-ins below nixos/, which write what
# NixOS would put on the machine. To look at one of your own:
#
#   nix-instantiate --eval --strict --json tests/module/eval.nix -A outcome \
#     --read-write-mode --store "$(mktemp -d)" --option build-users-group "" \
#     --arg lib 'import /path/to/nixpkgs/lib' --arg modules '[ ./router.nix ]'
{
  lib,
  modules ? [ ],
}:
let
  pkgs = import ./pkgs.nix { inherit lib; };

  # of nixos/lib/utils.nix; JSON's strings are strings for systemd, too
  escapeSystemdExecArg = argument: lib.replaceStrings [ "%" "$" ] [ "%%" "$$" ] (builtins.toJSON "${toString argument}");
  utils = {
    inherit escapeSystemdExecArg;
    escapeSystemdExecArgs = lib.concatMapStringsSep " " escapeSystemdExecArg;
  };

  system = lib.evalModules {
    class = "nixos";
    specialArgs = {
      inherit utils;
      modulesPath = throw "modulesPath: there is no NixOS here";
    };
    modules = [
      ./nixos
      ../../module
      { _module.args = { inherit pkgs; }; }
    ]
    ++ modules;
  };

  failed = map (a: a.message) (lib.filter (a: !a.assertion) system.config.assertions);

  relative = lib.removePrefix "${toString ../..}/";
  ours = option: option.visible && !option.internal && lib.elem (lib.take 2 option.loc) [
    [ "services" "network-metrics-exporter" ]
    [ "services" "router-monitoring" ]
  ];
in
{
  inherit (system) config;

  # what `nixos-rebuild` would say and do: it does nothing if an assertion fails
  outcome = {
    assertions = failed;
    inherit (system.config) warnings;
    files = if failed != [ ] then { } else lib.mapAttrs (_: lib.filterAttrs (_: v: v != null)) system.config.rendered;
  };

  options = map (o: o // { declarations = map relative o.declarations; }) (
    lib.filter ours (lib.optionAttrSetToDocList system.options)
  );
}
