# The first IPv4 address that the configuration gives to an interface, or null.
{
  config,
  lib,
  interface,
}:
let
  scripted = map (a: a.address) config.networking.interfaces.${interface}.ipv4.addresses or [ ];

  inherit (import ../networkd.nix { inherit lib; }) addresses;
  matches = n: lib.elem interface (lib.toList (n.matchConfig.Name or [ ]));
  networkd = lib.concatMap addresses (
    lib.filter matches (lib.attrValues config.systemd.network.networks)
  );

  withoutLength = a: lib.head (lib.splitString "/" a);
  isIPv4 = a: builtins.match "[0-9.]+" a != null;
in
lib.findFirst isIPv4 null (map withoutLength (scripted ++ networkd))
