# The options as the configuration file says them. Each is a default, so that
# `settings` wins.
{ config, lib, ... }:
let
  cfg = config.services.network-metrics-exporter;
  seconds = n: "${toString n}s";
  unlessEmpty = lib.filterAttrs (_: v: v != null && v != [ ] && v != { } && v != "");
  # a part that has to be turned on
  when = enabled: more: lib.optionalAttrs enabled ({ enabled = true; } // unlessEmpty more);

  client = c: unlessEmpty {
    inherit (c) name ip mac type;
    quota = if c.quota == null then null else unlessEmpty {
      inherit (c.quota) bytes;
      billing_day = c.quota.billingDay;
    };
  };

  options =
    unlessEmpty {
      lan = unlessEmpty {
        interfaces = cfg.lanInterfaces;
        subnets = cfg.localSubnets;
      };
      wan = unlessEmpty {
        interfaces = cfg.wanInterfaces;
        probes = lib.optionalAttrs (cfg.wanProbes.targets != [ ]) {
          inherit (cfg.wanProbes) targets;
          interval = seconds cfg.wanProbes.interval;
        };
      };
      qos = when cfg.qos.enable { inherit (cfg.qos) interfaces; };
      port_mappings = when cfg.portMappings.enable { lease_files = cfg.portMappings.leaseFiles; };
      dhcp = unlessEmpty {
        pools = map unlessEmpty cfg.dhcpPools;
        kea = cfg.keaSockets;
      }
      // lib.optionalAttrs (cfg.dhcpLeaseFile != null) { leases = cfg.dhcpLeaseFile; };
      clients = map client (lib.attrValues cfg.staticClients);
      excluded_ips = cfg.excludedIPs;
      extra_labels = cfg.extraLabels;
      inherit (cfg) vendors;
    }
    // {
      accounting = {
        enabled = cfg.enableNftables;
        inherit (cfg.accounting) hook;
        protect_table = cfg.accounting.protectTable;
      };
      state_dir = cfg.stateDir;
      update_interval = seconds cfg.updateInterval;
      offline_threshold = seconds cfg.offlineThreshold;
    };

  nameless = lib.attrNames (lib.filterAttrs (_: c: c.ip == [ ] && c.mac == [ ]) cfg.staticClients);
in
{
  config = lib.mkIf cfg.enable {
    services.network-metrics-exporter.settings = lib.mapAttrsRecursive (_: lib.mkDefault) options;

    assertions = [
      {
        assertion = nameless == [ ];
        message = "services.network-metrics-exporter.staticClients: ${lib.concatStringsSep ", " nameless} has neither ip nor mac; give it one, or both.";
      }
    ];
  };
}
