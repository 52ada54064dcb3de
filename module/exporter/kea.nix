# The control sockets of a server of Kea; its control-socket and, since Kea 2.7.2,
# control-sockets. A name without a folder is in Kea's own.
{ lib, server }:
let
  settings = if server.settings == null then { } else server.settings;
  all = lib.toList (settings.control-socket or [ ]) ++ settings.control-sockets or [ ];
  path = name: if lib.hasPrefix "/" name then name else "/run/kea/${name}";
in
lib.optionals server.enable (map (s: path s.socket-name) (lib.filter (s: s.socket-type or "" == "unix" && s ? socket-name) all))
