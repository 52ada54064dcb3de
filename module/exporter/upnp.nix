# The lease files of miniupnpd, of which NixOS knows only as lines of its
# configuration.
{ config, lib }:
let
  inherit (config.services) miniupnpd;
  file = line: builtins.match "[[:space:]]*lease_file6?[[:space:]]*=[[:space:]]*([^[:space:]#]+).*" line;
in
lib.optionals miniupnpd.enable (
  lib.concatMap (line: let found = file line; in lib.optionals (found != null) found) (
    lib.splitString "\n" miniupnpd.appendConfig
  )
)
