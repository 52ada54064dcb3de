# The machines of a VM test, tests/vm/NAME.nix, as NixOS' test framework has them:
# for each the modules that eval.nix takes.
{ lib, test }:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };

  framework = {
    freeformType = types.lazyAttrsOf types.raw;
    options = {
      nodes = option (types.attrsOf types.deferredModule) { };
      defaults = option types.deferredModule { };
    };
  };
  declared = (lib.evalModules { modules = [ test framework ]; }).config;

  # Stands for nixos/modules/virtualisation/qemu-vm.nix.
  machine = {
    options.virtualisation = {
      cores = option types.ints.positive 1;
      memorySize = option types.ints.positive 1024;
      diskSize = option types.ints.positive 1024;
      vlans = option (types.listOf types.ints.unsigned) [ 1 ];
      interfaces = option (types.attrsOf (types.submodule {
        options = {
          vlan = mkOption { type = types.ints.unsigned; };
          assignIP = option types.bool false;
        };
      })) { };
    };
  };
in
lib.mapAttrs (name: node: [
  machine
  declared.defaults
  node
  { networking.hostName = lib.mkDefault name; }
]) declared.nodes
