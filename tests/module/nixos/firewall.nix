# Stands for nixos/modules/services/networking/firewall{,-nftables}.nix. The ruleset
# of the iptables backend is not written.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  cfg = config.networking.firewall;

  portList = mkOption {
    type = types.listOf types.port;
    default = [ ];
    apply = ports: lib.unique (lib.sort lib.lessThan ports);
  };
  ranges = option (types.listOf (types.attrsOf types.port)) [ ];
  ports = {
    allowedTCPPorts = portList;
    allowedTCPPortRanges = ranges;
    allowedUDPPorts = portList;
    allowedUDPPortRanges = ranges;
  };

  accept = match: protocol: single: ranges:
    let
      set = map toString single ++ map (r: "${toString r.from}-${toString r.to}") ranges;
    in
    lib.optionalString (set != [ ]) "${match}${protocol} dport { ${lib.concatStringsSep ", " set} } accept\n";
  acceptPorts = match: p:
    accept match "tcp" p.allowedTCPPorts p.allowedTCPPortRanges
    + accept match "udp" p.allowedUDPPorts p.allowedUDPPortRanges;

  when = lib.optionalString;
  byState = chain: ''
    ct state vmap { invalid : drop, established : accept, related : accept, new : jump ${chain}, untracked : jump ${chain} }
  '';

  reversePath = ''
    chain rpfilter {
      type filter hook prerouting priority mangle + 10; policy drop;
      meta nfproto ipv4 udp sport . udp dport { 67 . 68, 68 . 67 } accept comment "DHCPv4 client/server"
      fib saddr . mark ${when (cfg.checkReversePath != "loose") ". iif"} oif exists accept
      jump rpfilter-allow
    }
  '';
  forward = ''
    chain forward {
      type filter hook forward priority filter; policy drop;
      ${byState "forward-allow"}
    }
    chain forward-allow {
      icmpv6 type != { router-renumbering, 139 } accept
      ct status dnat accept comment "allow port forward"
      ${cfg.extraForwardRules}
    }
  '';
  content = ''
    set temp-ports {
      comment "Temporarily opened ports"
      type inet_proto . inet_service
      flags interval
      auto-merge
    }
    ${when (cfg.checkReversePath != false) reversePath}
    chain rpfilter-allow {
      ${cfg.extraReversePathFilterRules}
    }
    chain input {
      type filter hook input priority filter; policy drop;
      iifname { ${lib.concatMapStringsSep ", " (i: ''"${i}"'') cfg.trustedInterfaces} } accept comment "trusted interfaces"
      icmpv6 type echo-reply accept
      ${byState "input-allow"}
      ${when cfg.rejectPackets "meta l4proto tcp reject with tcp reset\nreject"}
    }
    chain input-allow {
      ${acceptPorts "" cfg}
      ${lib.concatStrings (lib.mapAttrsToList (name: acceptPorts "iifname ${name} ") cfg.interfaces)}
      meta l4proto . th dport @temp-ports accept
      ${when cfg.allowPing ''icmp type echo-request accept comment "allow ping"''}
      icmpv6 type != { nd-redirect, 139 } accept
      ip6 daddr fe80::/64 udp dport 546 accept comment "DHCPv6 client"
      ${cfg.extraInputRules}
    }
    ${when cfg.filterForward forward}
  '';
in
{
  options.networking.firewall = ports // {
    enable = option types.bool true;
    package = option types.package (if config.networking.nftables.enable then pkgs.nftables else pkgs.iptables);
    backend = option (types.enum [ "iptables" "nftables" "firewalld" ]) (
      if config.networking.nftables.enable then "nftables" else "iptables"
    );
    interfaces = option (types.attrsOf (types.submodule { options = ports; })) { };
    trustedInterfaces = option (types.listOf types.str) [ ];
    allowPing = option types.bool true;
    rejectPackets = option types.bool false;
    checkReversePath = option (types.either types.bool (types.enum [ "strict" "loose" ])) true;
    filterForward = option types.bool false;
    extraCommands = option types.lines "";
    extraStopCommands = option types.lines "";
    extraInputRules = option types.lines "";
    extraForwardRules = option types.lines "";
    extraReversePathFilterRules = option types.lines "";
  };

  config = lib.mkIf cfg.enable {
    environment.systemPackages = [ cfg.package ];
    networking.firewall.trustedInterfaces = [ "lo" ];
    networking.nftables.tables.nixos-fw = lib.mkIf (cfg.backend == "nftables") {
      family = "inet";
      inherit content;
    };

    assertions =
      [
        {
          assertion = cfg.filterForward -> config.networking.nftables.enable;
          message = "filterForward only works with the nftables based firewall";
        }
      ]
      ++ lib.optionals (cfg.backend == "nftables") [
        {
          assertion = cfg.extraCommands == "" && cfg.extraStopCommands == "";
          message = "extraCommands is incompatible with the nftables based firewall: ${cfg.extraCommands}${cfg.extraStopCommands}";
        }
        {
          assertion = config.networking.nftables.rulesetFile == null;
          message = "networking.nftables.rulesetFile conflicts with the firewall";
        }
      ];
  };
}
