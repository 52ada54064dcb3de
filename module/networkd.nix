# What the configuration of systemd-networkd says of a network.
{ lib }:
rec {
  isYes = v: v == true || lib.elem v [ "yes" "true" "on" "1" ];

  # interfaces that are named as they are, without wildcards
  names = n: lib.filter (name: builtins.match "[^*?! ]+" name != null) (lib.toList (n.matchConfig.Name or [ ]));

  # "address/length", wherever an address can stand
  addresses =
    n:
    lib.toList (n.address or [ ])
    ++ lib.toList (n.networkConfig.Address or [ ])
    ++ map (a: a.Address or a.addressConfig.Address) (n.addresses or [ ]);
}
