# The lease files of the DHCP servers that this configuration runs, as
# [ { format, path } ].
{ config, lib }:
let
  inherit (lib) optional optionals;
  inherit (config.services) dnsmasq kea;

  dnsmasqServes = dnsmasq.enable && (dnsmasq.settings ? dhcp-range);

  # memfile is Kea's default, and so are these names in its own folder. Leases in
  # a database are out of reach.
  keaFile = server: fallback:
    let
      db = server.settings.lease-database or { };
      file = db.name or fallback;
    in
    optional (server.enable && server.settings != null && db.type or "memfile" == "memfile" && db.persist or true) {
      format = "kea";
      path = if lib.hasPrefix "/" file then file else "/var/lib/kea/${file}";
    };

  inherit (import ../networkd.nix { inherit lib; }) isYes;
  networkdServes =
    config.systemd.network.enable
    && lib.any (n: isYes (n.networkConfig.DHCPServer or false)) (
      lib.attrValues config.systemd.network.networks
    );
in
optional dnsmasqServes {
  format = "dnsmasq";
  path = toString dnsmasq.settings.dhcp-leasefile;
}
++ keaFile kea.dhcp4 "kea-leases4.csv"
++ keaFile kea.dhcp6 "kea-leases6.csv"
++ optionals networkdServes [
  {
    format = "networkd";
    path = "/var/lib/systemd/network/dhcp-server-lease";
  }
]
