# Stands for nixos/modules/services/networking/nat{,-nftables}.nix. What the iptables
# backend does is not written, nor loopback, nor port forwards of IPv6.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  cfg = config.networking.nat;

  list = lib.concatStringsSep ", ";
  interfaces = list (map (i: ''"${i}"'') cfg.internalInterfaces);
  out = lib.optionalString (cfg.externalInterface != null) ''oifname "${cfg.externalInterface}" '';
  translate = address: if address == null then "masquerade" else "snat ${address}";
  when = set: rule: lib.optionalString (set != "") rule;

  # of IPv4 alone, whose destinations have but one colon
  range = ports: lib.replaceStrings [ ":" ] [ "-" ] (toString ports);
  forward = f:
    "${lib.optionalString (cfg.externalIP != null) "${cfg.externalIP} . "}${f.proto} . ${range f.sourcePort}"
    + " : ${lib.replaceStrings [ ":" ] [ " . " ] f.destination}";
  key = lib.optionalString (cfg.externalIP != null) "ip daddr . " + "meta l4proto . th dport";
  toClients =
    lib.optional (cfg.forwardPorts != [ ])
      ''meta l4proto { tcp, udp } dnat ${key} map { ${list (map forward cfg.forwardPorts)} } comment "port forward"''
    ++ lib.optional (cfg.dmzHost != null) ''dnat ${cfg.dmzHost} comment "dmz"'';
  fromOutside = rule: "\n    iifname \"${toString cfg.externalInterface}\" ${rule}";

  table = family: addresses: external: {
    name = "nixos-nat";
    inherit family;
    content = ''
      chain pre {
        type nat hook prerouting priority dstnat;${lib.optionalString (family == "ip") (lib.concatMapStrings fromOutside toClients)}
      }
      chain post {
        type nat hook postrouting priority srcnat;
        ${when interfaces ''iifname { ${interfaces} } ${out}${translate external} comment "from internal interfaces"''}
        ${when addresses ''${family} saddr { ${addresses} } ${out}${translate external} comment "from internal IPs"''}
      }
      chain out {
        type nat hook output priority mangle;
      }
    '';
  };

  forwarding = lib.mapAttrs (_: lib.mkOverride 99) (
    {
      "net.ipv4.conf.all.forwarding" = true;
      "net.ipv4.conf.default.forwarding" = true;
    }
    // lib.optionalAttrs cfg.enableIPv6 {
      "net.ipv6.conf.all.forwarding" = true;
      "net.ipv6.conf.default.forwarding" = true;
      "net.ipv6.conf.all.accept_ra" = 2;
      "net.ipv6.conf.default.accept_ra" = 2;
    }
  );
in
{
  options.networking.nat = {
    enable = option types.bool false;
    enableIPv6 = option types.bool false;
    externalInterface = option (types.nullOr types.str) null;
    externalIP = option (types.nullOr types.str) null;
    externalIPv6 = option (types.nullOr types.str) null;
    internalInterfaces = option (types.listOf types.str) [ ];
    internalIPs = option (types.listOf types.str) [ ];
    internalIPv6s = option (types.listOf types.str) [ ];
    forwardPorts = option (types.listOf (types.submodule {
      options = {
        sourcePort = mkOption { type = types.either types.int types.str; };
        destination = mkOption { type = types.str; };
        proto = option types.str "tcp";
        loopbackIPs = option (types.listOf types.str) [ ];
      };
    })) [ ];
    dmzHost = option (types.nullOr types.str) null;
  };

  config = lib.mkIf cfg.enable {
    boot.kernel.sysctl = forwarding;
    boot.kernelModules = [ "nf_nat_ftp" ];

    networking.firewall.extraForwardRules = lib.mkIf config.networking.firewall.filterForward ''
      ${when interfaces ''iifname { ${interfaces} } ${out}accept comment "from internal interfaces"''}
      ${when (list cfg.internalIPs) "ip saddr { ${list cfg.internalIPs} } ${out}accept"}
      ${when (list cfg.internalIPv6s) "ip6 saddr { ${list cfg.internalIPv6s} } ${out}accept"}
    '';

    networking.nftables.tables = lib.mkIf config.networking.nftables.enable {
      nixos-nat = table "ip" (list cfg.internalIPs) cfg.externalIP;
      nixos-nat6 = lib.mkIf cfg.enableIPv6 (table "ip6" (list cfg.internalIPv6s) cfg.externalIPv6);
    };

    assertions = [
      {
        assertion = cfg.enableIPv6 -> config.networking.enableIPv6;
        message = "networking.nat.enableIPv6 requires networking.enableIPv6";
      }
    ];
  };
}
