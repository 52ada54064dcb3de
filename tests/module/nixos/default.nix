# Stand-ins of NixOS' modules, one file for each. Options have the types of the real
# ones, strict where those are strict, but only as many as this project meets: an
# unknown option is an error, so nothing is passed over in silence. They write what
# the real ones would put on the machine into `rendered`.
{ lib, ... }:
let
  files = lib.filter (n: n != "default.nix") (lib.attrNames (builtins.readDir ./.));
in
{
  imports = map (n: ./. + "/${n}") files;

  options.rendered = lib.mkOption {
    type = lib.types.attrsOf (lib.types.submodule {
      options = lib.genAttrs [ "text" "symlink" ] (
        _: lib.mkOption {
          type = lib.types.nullOr lib.types.str;
          default = null;
        }
      );
    });
    default = { };
    internal = true;
    description = "What is on the machine at each path: a file with a text, or a symbolic link.";
  };
}
