# Where a service listens, and how others on this machine reach it.
{ lib }:
let
  # Some options take an IPv6 address as it is, others in brackets.
  bare = address: lib.removePrefix "[" (lib.removeSuffix "]" address);
  isAny = address: lib.elem (bare address) [ "" "0.0.0.0" "::" ];
in
rec {
  # An address to which something puts ":port"; of IPv6 it needs brackets.
  host = address: if lib.hasInfix ":" address then "[${bare address}]" else address;

  # "address:port" as flags and URLs have it.
  endpoint = address: port: "${host address}:${toString port}";

  # The same for another program on this machine.
  reachable = address: endpoint (if isAny address then "127.0.0.1" else address);

  isLoopback = address: lib.hasPrefix "127." address || lib.elem (bare address) [ "::1" "localhost" ];
}
