# Option names of an earlier exporter of the same name. They go on working, with a
# warning that says what to write instead.
{ lib, ... }:
let
  option = name: [ "services" "network-metrics-exporter" name ];
  # That one took the first three numbers of a /24: "192.168.10".
  prefix = text: if builtins.match "[0-9]+\\.[0-9]+\\.[0-9]+\\.?" text == null then text
    else "${lib.removeSuffix "." text}.0/24";
in
{
  imports = [
    (lib.mkRenamedOptionModule (option "trafficInterface") (option "lanInterfaces"))
    (lib.mkRenamedOptionModule (option "enableNftablesIntegration") (option "enableNftables"))
    (lib.mkChangedOptionModule (option "networkPrefix") (option "localSubnets") (
      config: [ (prefix (lib.getAttrFromPath (option "networkPrefix") config)) ]
    ))
  ];
}
