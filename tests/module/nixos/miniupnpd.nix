# Stands for nixos/modules/services/networking/miniupnpd.nix: its options and its
# nftables table, without the daemon.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  cfg = config.services.miniupnpd;
in
{
  options.services.miniupnpd = {
    enable = option types.bool false;
    externalInterface = mkOption { type = types.str; };
    internalIPs = mkOption { type = types.listOf types.str; };
    natpmp = option types.bool false;
    upnp = option types.bool true;
    appendConfig = option types.lines "";
  };

  config = lib.mkIf (cfg.enable && config.networking.nftables.enable) {
    networking.nftables.tables.miniupnpd = {
      family = "inet";
      content = ''
        chain miniupnpd {}
        chain prerouting_miniupnpd {
          type nat hook prerouting priority dstnat; policy accept;
        }
        chain postrouting_miniupnpd {
          type nat hook postrouting priority srcnat; policy accept;
        }
      '';
    };
  };
}
