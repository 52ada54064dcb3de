# Options for what is on the router beside its clients. Each is on where the rest of
# the configuration has something to tell of.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.services.network-metrics-exporter;
  inherit (config.services) kea miniupnpd;
  inherit (config.networking) nat nftables;

  networkd = import ../networkd.nix { inherit lib; };
  shaped = import ./shaped.nix { inherit config lib; };
  shapedNames = lib.concatMap networkd.names shaped;
  # The exporter looks at these by itself.
  isUsual = name: lib.elem name cfg.wanInterfaces || lib.hasPrefix "ifb" name;

  pool = types.submodule {
    options = {
      name = mkOption {
        type = types.str;
        example = "lan";
        description = "What the pool is called.";
      };
      first = mkOption {
        type = types.str;
        example = "192.168.1.100";
        description = "Its first address, IPv4 or IPv6.";
      };
      last = mkOption {
        type = types.str;
        example = "192.168.1.249";
        description = "Its last address.";
      };
      server = mkOption {
        type = types.nullOr (types.enum [ "dnsmasq" "kea" "isc" "networkd" ]);
        default = null;
        example = "dnsmasq";
        description = "Who gives the addresses out; `null` for the server whose lease files have some of them.";
      };
    };
  };
in
{
  options.services.network-metrics-exporter = {
    wanProbes.targets = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [
        "1.1.1.1"
        "2606:4700:4700::1111"
      ];
      description = "Addresses on the Internet to ping, at most 16, for latency and loss of the line. Empty: none, so that nobody is pinged unasked.";
    };
    wanProbes.interval = mkOption {
      type = types.ints.between 1 60;
      default = 5;
      description = "Seconds between two pings to each of them.";
    };

    qos.enable = mkOption {
      type = types.bool;
      default = shaped != [ ];
      defaultText = lib.literalMD "whether a network of `systemd.network.networks` has a `cakeConfig`, `fairQueueingControlledDelayConfig` or the like";
      example = true;
      description = "Report what the queues of the line do: bytes, drops, delay. Set it if a script of yours shapes the line with `tc`.";
    };
    qos.interfaces = mkOption {
      type = types.listOf types.str;
      default = if lib.all isUsual shapedNames then [ ] else lib.unique (cfg.wanInterfaces ++ shapedNames);
      defaultText = lib.literalMD "those that `systemd.network.networks` shapes, as far as the exporter would not find them";
      example = [
        "enp1s0"
        "ifb4enp1s0"
      ];
      description = "Interfaces with these queues. Empty: those of the WAN, and every `ifb`.";
    };

    portMappings.enable = mkOption {
      type = types.bool;
      default =
        cfg.portMappings.leaseFiles != [ ]
        || nftables.enable && (miniupnpd.enable || nat.forwardPorts != [ ] || nat.dmzHost != null);
      defaultText = lib.literalMD "with nftables, whether `services.miniupnpd` runs or `networking.nat` has `forwardPorts` or a `dmzHost`";
      example = true;
      description = "Report which ports lead from the Internet to which client. Rules are read from nftables; those of iptables are not seen.";
    };
    portMappings.leaseFiles = mkOption {
      type = types.listOf types.str;
      default = import ./upnp.nix { inherit config lib; };
      defaultText = lib.literalMD "`lease_file` and `lease_file6` in `services.miniupnpd.appendConfig`";
      example = [ "/run/miniupnpd.leases" ];
      description = "Lease files of miniupnpd, which say how long a mapping lasts.";
    };

    dhcpPools = mkOption {
      type = types.listOf pool;
      default = import ./pools.nix { inherit config lib; };
      defaultText = lib.literalMD "those of dnsmasq, systemd-networkd, and Kea without a control socket, as far as they serve DHCP on this machine";
      example = [
        {
          name = "lan";
          first = "192.168.1.100";
          last = "192.168.1.249";
        }
      ];
      description = "Ranges of addresses that a DHCP server gives out, to tell how many are left.";
    };

    keaSockets = mkOption {
      type = types.listOf types.str;
      default = lib.concatMap (server: import ./kea.nix { inherit lib server; }) [ kea.dhcp4 kea.dhcp6 ];
      defaultText = lib.literalMD "`control-socket` and `control-sockets` in `services.kea.dhcp4.settings` and `services.kea.dhcp6.settings`";
      example = [ "/run/kea/dhcp4.sock" ];
      description = "Control sockets of Kea's servers, which tell of their pools and of declined addresses. The exporter only asks; but whoever reaches the socket may command Kea.";
    };
  };
}
