# Stands for nixos/modules/services/networking/nat{,-nftables}.nix, without port
# forwards. What the iptables backend does is not written.
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

  table = family: addresses: external: {
    name = "nixos-nat";
    inherit family;
    content = ''
      chain pre {
        type nat hook prerouting priority dstnat;
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
