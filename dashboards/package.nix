# The assembled dashboards: router.json, router-full.json and client.json.
{ lib, linkFarm, writeText }:
linkFarm "router-monitoring-dashboards" (
  lib.mapAttrs' (name: dashboard: {
    name = "${name}.json";
    value = writeText "${name}.json" (builtins.toJSON dashboard);
  }) (import ./. { })
)
