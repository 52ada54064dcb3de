# Where a service listens, and how others on this machine reach it.
{ lib }:
let
  isAny = address: lib.elem address [ "" "0.0.0.0" "::" ];
in
rec {
  # "address:port" as flags and URLs have it; an IPv6 address needs brackets.
  endpoint =
    address: port:
    "${if lib.hasInfix ":" address then "[${address}]" else address}:${toString port}";

  # The same for another program on this machine.
  reachable = address: endpoint (if isAny address then "127.0.0.1" else address);

  isLoopback = address: lib.hasPrefix "127." address || lib.elem address [ "::1" "localhost" ];
}
