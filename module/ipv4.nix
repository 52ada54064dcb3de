# Arithmetic with IPv4 addresses, which are numbers here and texts elsewhere.
{ lib }:
rec {
  isAddress = text: builtins.match "[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+" text != null;
  parse = text: lib.foldl' (n: byte: n * 256 + lib.toIntBase10 byte) 0 (lib.splitString "." text);
  format = n: lib.concatMapStringsSep "." (unit: toString (lib.mod (n / unit) 256)) [ 16777216 65536 256 1 ];

  # "address/length" as where the network begins and how many addresses it has, or
  # null
  network =
    text:
    let
      parts = builtins.match "([0-9.]+)/([0-9]+)" text;
      size = lib.foldl' (n: _: n * 2) 1 (lib.range 1 (32 - lib.toIntBase10 (lib.elemAt parts 1)));
      address = parse (lib.head parts);
    in
    if parts == null then null else { inherit size; first = address - lib.mod address size; };
}
