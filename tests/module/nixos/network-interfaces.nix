# Stands for nixos/modules/tasks/network-interfaces{,-systemd}.nix: what networkd does
# of it. The units of the scripted variant are not written.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  cfg = config.networking;

  address = bits: types.submodule {
    options = {
      address = mkOption { type = types.str; };
      prefixLength = mkOption { type = types.ints.between 0 bits; };
    };
  };
  interface = { name, ... }: {
    options = {
      name = option types.str name;
      useDHCP = option (types.nullOr types.bool) null;
      ipv4.addresses = option (types.listOf (address 32)) [ ];
      ipv6.addresses = option (types.listOf (address 128)) [ ];
      macAddress = option (types.nullOr types.str) null;
      mtu = option (types.nullOr types.int) null;
    };
  };
  gateway = types.nullOr (types.coercedTo types.str (address: { inherit address; }) (types.submodule {
    options = {
      address = mkOption { type = types.str; };
      interface = option (types.nullOr types.str) null;
    };
  }));

  yesNo = wanted: if wanted then "yes" else "no";
  withLength = a: "${a.address}/${toString a.prefixLength}";
  ofInterface = i: {
    networks."40-${i.name}" = {
      name = lib.mkDefault i.name;
      DHCP = lib.mkForce (yesNo (if i.useDHCP != null then i.useDHCP else cfg.useDHCP && i.ipv4.addresses == [ ]));
      address = map withLength (i.ipv4.addresses ++ lib.optionals cfg.enableIPv6 i.ipv6.addresses);
      networkConfig.IPv6PrivacyExtensions = "kernel";
      linkConfig =
        lib.optionalAttrs (i.macAddress != null) { MACAddress = i.macAddress; }
        // lib.optionalAttrs (i.mtu != null) { MTUBytes = toString i.mtu; };
    };
  };
  ofBridge = name: bridge: {
    netdevs."40-${name}".netdevConfig = { Kind = "bridge"; Name = name; };
    networks = lib.listToAttrs (
      map (port: lib.nameValuePair "40-${port}" { DHCP = lib.mkOverride 0 "no"; networkConfig.Bridge = name; }) bridge.interfaces
    );
  };
  ofVlan = name: vlan: {
    netdevs."40-${name}" = {
      netdevConfig = { Kind = "vlan"; Name = name; };
      vlanConfig.Id = vlan.id;
    };
    networks."40-${vlan.interface}".vlan = [ name ];
  };
  ofGateway = g: lib.optionalAttrs (g != null && g.interface != null) {
    networks."40-${g.interface}" = {
      matchConfig.Name = g.interface;
      routes = [ { Gateway = g.address; } ];
    };
  };
  ports = lib.concatMap (b: b.interfaces) (lib.attrValues cfg.bridges) ++ map (v: v.interface) (lib.attrValues cfg.vlans);
in
{
  options.networking = {
    hostName = option (types.strMatching "^$|^[[:alnum:]]([[:alnum:]_-]{0,61}[[:alnum:]])?$") "nixos";
    domain = option (types.nullOr types.str) null;
    enableIPv6 = option types.bool true;
    useDHCP = option types.bool true;
    useNetworkd = option types.bool false;
    nameservers = option (types.listOf types.str) [ ];
    defaultGateway = option gateway null;
    defaultGateway6 = option gateway null;
    interfaces = option (types.attrsOf (types.submodule interface)) { };
    bridges = option (types.attrsOf (types.submodule { options.interfaces = mkOption { type = types.listOf types.str; }; })) { };
    vlans = option (types.attrsOf (types.submodule {
      options = {
        id = mkOption { type = types.int; };
        interface = mkOption { type = types.str; };
      };
    })) { };
  };

  config = lib.mkMerge [
    {
      boot.kernel.sysctl."net.ipv4.ping_group_range" = lib.mkDefault "0 2147483647";
      environment.etc.hostname = lib.mkIf (cfg.hostName != "") { text = "${cfg.hostName}\n"; };
    }
    (lib.mkIf cfg.useNetworkd {
      networking.interfaces = lib.genAttrs ports (_: { });
      systemd.network = lib.mkMerge (
        [
          { enable = true; }
          (ofGateway cfg.defaultGateway)
          (ofGateway cfg.defaultGateway6)
          (lib.mkIf cfg.useDHCP {
            networks."99-ethernet-default-dhcp" = {
              matchConfig = { Kind = "!*"; Type = "ether"; };
              DHCP = "yes";
              networkConfig.IPv6PrivacyExtensions = "kernel";
            };
          })
        ]
        ++ map ofInterface (lib.attrValues cfg.interfaces)
        ++ lib.mapAttrsToList ofBridge cfg.bridges
        ++ lib.mapAttrsToList ofVlan cfg.vlans
      );
    })
  ];
}
