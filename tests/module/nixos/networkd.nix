# Stands for nixos/modules/system/boot/networkd.nix: the sections that a router has.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  unit = import ../unit.nix { inherit lib; };
  cfg = config.systemd.network;
  option = type: default: mkOption { inherit type default; };
  words = lib.splitString " ";
  bool = names: lib.genAttrs (words names) (_: unit.bools);

  # A section: its keys, and of some the values.
  section = name: keys: values: unit.section name (words keys) values;

  network = section "Network" (
    "Description DHCP DHCPServer LinkLocalAddressing IPv6LinkLocalAddressGenerationMode IPv6StableSecretAddress "
    + "IPv4LLStartAddress IPv4LLRoute DefaultRouteOnDevice LLMNR MulticastDNS DNSOverTLS DNSSEC DNSSECNegativeTrustAnchors "
    + "LLDP EmitLLDP BindCarrier Address Gateway DNS UseDomains Domains DNSDefaultRoute NTP IPv4Forwarding IPv6Forwarding "
    + "IPMasquerade IPv6PrivacyExtensions IPv6AcceptRA IPv6DuplicateAddressDetection IPv6HopLimit IPv6RetransmissionTimeSec "
    + "IPv4DuplicateAddressDetectionTimeoutSec IPv4ReversePathFilter MulticastIGMPVersion IPv4AcceptLocal IPv4RouteLocalnet "
    + "IPv4ProxyARP IPv4ProxyARPPrivateVLAN IPv6ProxyNDP IPv6ProxyNDPAddress IPv6SendRA DHCPPrefixDelegation IPv6MTUBytes "
    + "MPLSRouting KeepMaster BatmanAdvanced Bridge Bond VRF IPoIB IPVLAN IPVTAP MACsec MACVLAN MACVTAP Tunnel VLAN VXLAN "
    + "Xfrm ActiveSlave PrimarySlave ConfigureWithoutCarrier IgnoreCarrierLoss KeepConfiguration"
  ) (
    bool "DHCPServer IPv4Forwarding IPv6Forwarding IPv6AcceptRA IPv6SendRA DHCPPrefixDelegation ConfigureWithoutCarrier"
    // {
      DHCP = unit.bools ++ [ "ipv4" "ipv6" ];
      LinkLocalAddressing = unit.bools ++ [ "ipv4" "ipv6" ];
      IPMasquerade = unit.bools ++ [ "ipv4" "ipv6" "both" ];
      IPv6PrivacyExtensions = unit.bools ++ [ "prefer-public" "kernel" ];
    }
  );
  link = section "Link" (
    "MACAddress MTUBytes ARP Multicast AllMulticast Promiscuous Unmanaged Group RequiredForOnline RequiredFamilyForOnline "
    + "ActivationPolicy"
  ) (bool "ARP Multicast AllMulticast Promiscuous Unmanaged" // {
    ActivationPolicy = [ "up" "always-up" "manual" "always-down" "down" "bound" ];
  });
  address = section "Address" (
    "Address Peer Broadcast Label PreferredLifetime Scope RouteMetric HomeAddress DuplicateAddressDetection "
    + "ManageTemporaryAddress AddPrefixRoute AutoJoin NetLabel NFTSet"
  ) (bool "HomeAddress ManageTemporaryAddress AddPrefixRoute AutoJoin");
  route = section "Route" (
    "Gateway GatewayOnLink Destination Source Metric IPv6Preference Scope PreferredSource Table HopLimit Protocol Type "
    + "InitialCongestionWindow InitialAdvertisedReceiveWindow QuickAck FastOpenNoCookie MTUBytes "
    + "TCPAdvertisedMaximumSegmentSize TCPCongestionControlAlgorithm TCPRetransmissionTimeoutSec MultiPathRoute NextHop"
  ) (bool "GatewayOnLink QuickAck FastOpenNoCookie");
  dhcpV4 = section "DHCPv4" (
    "RequestAddress SendHostname Hostname ClientIdentifier VendorClassIdentifier UserClass DUIDType DUIDRawData IAID "
    + "RapidCommit Anonymize RequestOptions SendOption UseDNS RoutesToDNS UseNTP RoutesToNTP UseMTU UseHostname UseDomains "
    + "UseRoutes RouteMetric RouteTable UseGateway UseTimezone Use6RD RequestBroadcast MaxAttempts SendRelease SendDecline NFTSet"
  ) (bool "SendHostname UseDNS UseNTP UseMTU UseHostname UseRoutes UseGateway SendRelease");
  dhcpV6 = section "DHCPv6" (
    "IAID DUIDType DUIDRawData RequestOptions SendOption PrefixDelegationHint UnassignedSubnetPolicy RapidCommit SendHostname "
    + "Hostname UseAddress UseDelegatedPrefix UseDNS UseNTP UseHostname UseDomains SendRelease NFTSet WithoutRA"
  ) (bool "UseAddress UseDelegatedPrefix UseDNS SendRelease" // { WithoutRA = [ "no" "solicit" "information-request" ]; });
  prefixDelegation = section "DHCPPrefixDelegation" (
    "UplinkInterface SubnetId Announce Assign Token ManageTemporaryAddress RouteMetric NetLabel NFTSet"
  ) (bool "Announce Assign ManageTemporaryAddress");
  acceptRA = section "IPv6AcceptRA" (
    "UseRedirect Token UseDNS UseDomains RouteTable RouteMetric UseMTU UseGateway UseRoutePrefix UseAutonomousPrefix "
    + "UseOnLinkPrefix DHCPv6Client NFTSet"
  ) (bool "UseDNS UseMTU UseGateway UseAutonomousPrefix" // { DHCPv6Client = unit.bools ++ [ "always" ]; });
  dhcpServer = section "DHCPServer" (
    "ServerAddress PoolOffset PoolSize DefaultLeaseTimeSec MaxLeaseTimeSec UplinkInterface EmitDNS DNS EmitNTP NTP EmitSIP SIP "
    + "EmitPOP3 POP3 EmitSMTP SMTP EmitLPR LPR EmitRouter Router EmitTimezone Timezone EmitDomain Domain BootServerAddress "
    + "BootServerName BootFilename IPv6OnlyPreferredSec SendOption SendVendorOption BindToInterface RelayTarget "
    + "RelayAgentCircuitId RelayAgentRemoteId RapidCommit PersistLeases LocalLeaseDomain"
  ) (bool "EmitDNS EmitNTP EmitRouter EmitTimezone BindToInterface RapidCommit" // {
    PersistLeases = unit.bools ++ [ "runtime" ];
  });
  sendRA = section "IPv6SendRA" (
    "Managed OtherInformation RouterLifetimeSec ReachableTimeSec RetransmitSec RouterPreference HopLimit UplinkInterface "
    + "EmitDNS DNS EmitDomains Domains DNSLifetimeSec HomeAgent HomeAgentLifetimeSec HomeAgentPreference"
  ) (bool "Managed OtherInformation EmitDNS EmitDomains");
  prefix = section "IPv6Prefix" (
    "AddressAutoconfiguration OnLink Prefix PreferredLifetimeSec ValidLifetimeSec Assign Token RouteMetric"
  ) (bool "AddressAutoconfiguration OnLink Assign");
  lease = section "DHCPServerStaticLease" "MACAddress Address Hostname" { };
  port = section "Bridge" (
    "UnicastFlood MulticastFlood MulticastToUnicast NeighborSuppression Learning HairPin Isolated UseBPDU FastLeave "
    + "AllowPortToBeRoot ProxyARP ProxyARPWiFi MulticastRouter Cost Priority Locked MACAuthenticationBypass VLANTunnel"
  ) (bool "Learning HairPin Isolated");

  # Queues. What else a section may say is not listed here.
  cake = section "CAKE" (
    "Parent Handle Bandwidth AutoRateIngress OverheadBytes MPUBytes CompensationMode UseRawPacketSize FlowIsolationMode NAT "
    + "PriorityQueueingPreset FirewallMark Wash SplitGSO AckFilter RTTSec"
  ) (bool "AutoRateIngress UseRawPacketSize NAT Wash SplitGSO");
  fqCodel = section "FairQueueingControlledDelay" (
    "Parent Handle PacketLimit MemoryLimitBytes Flows TargetSec IntervalSec QuantumBytes ECN CEThresholdSec"
  ) (bool "ECN");

  netdev = section "Netdev" "Description Name Kind MTUBytes MACAddress" {
    Kind = words "bond bridge dummy gre ip6tnl ipip ipvlan macvlan sit tap tun veth vlan vxlan vrf wireguard ifb";
  };
  bridge = section "Bridge" (
    "HelloTimeSec MaxAgeSec ForwardDelaySec AgeingTimeSec Priority GroupForwardMask DefaultPVID MulticastQuerier "
    + "MulticastSnooping VLANFiltering VLANProtocol STP MulticastIGMPVersion FDBMaxLearned LinkLocalLearning"
  ) (bool "MulticastQuerier MulticastSnooping VLANFiltering STP");
  vlan = section "VLAN" "Id Protocol GVRP MVRP LooseBinding ReorderHeader EgressQOSMaps IngressQOSMaps" { };
  wireguard = section "WireGuard" "PrivateKey PrivateKeyFile ListenPort FirewallMark RouteTable RouteMetric" { };
  wireguardPeer = section "WireGuardPeer" (
    "PublicKey PublicKeyFile PresharedKey PresharedKeyFile AllowedIPs Endpoint PersistentKeepalive RouteTable RouteMetric"
  ) { };
  peer = section "Peer" "Name MACAddress" { };

  # Sections in the order in which they are written: option, name, type. One whose
  # option ends in "s" may be there several times.
  netdevSections = [
    { option = "netdevConfig"; name = "NetDev"; type = netdev; }
    { option = "bridgeConfig"; name = "Bridge"; type = bridge; }
    { option = "vlanConfig"; name = "VLAN"; type = vlan; }
    { option = "peerConfig"; name = "Peer"; type = peer; }
    { option = "wireguardConfig"; name = "WireGuard"; type = wireguard; }
    { option = "wireguardPeers"; name = "WireGuardPeer"; type = wireguardPeer; }
  ];
  networkSections = [
    { option = "linkConfig"; name = "Link"; type = link; }
    { option = "networkConfig"; name = "Network"; type = network; }
    { option = "addresses"; name = "Address"; type = address; }
    { option = "routes"; name = "Route"; type = route; }
    { option = "dhcpV4Config"; name = "DHCPv4"; type = dhcpV4; }
    { option = "dhcpV6Config"; name = "DHCPv6"; type = dhcpV6; }
    { option = "dhcpPrefixDelegationConfig"; name = "DHCPPrefixDelegation"; type = prefixDelegation; }
    { option = "ipv6AcceptRAConfig"; name = "IPv6AcceptRA"; type = acceptRA; }
    { option = "dhcpServerConfig"; name = "DHCPServer"; type = dhcpServer; }
    { option = "ipv6SendRAConfig"; name = "IPv6SendRA"; type = sendRA; }
    { option = "ipv6Prefixes"; name = "IPv6Prefix"; type = prefix; }
    { option = "dhcpServerStaticLeases"; name = "DHCPServerStaticLease"; type = lease; }
    { option = "bridgeConfig"; name = "Bridge"; type = port; }
    { option = "cakeConfig"; name = "CAKE"; type = cake; }
    { option = "fairQueueingControlledDelayConfig"; name = "FairQueueingControlledDelay"; type = fqCodel; }
  ];
  repeats = s: lib.hasSuffix "s" s.option;
  sectionOptions = sections: lib.listToAttrs (
    map (s: lib.nameValuePair s.option (
      if repeats s then option (types.listOf s.type) [ ] else option s.type { }
    )) sections
  );
  write = sections: file:
    unit.render "Match" file.matchConfig
    + lib.concatMapStrings (s: lib.concatMapStrings (unit.render s.name) (lib.toList file.${s.option})) sections
    + file.extraConfig;

  # options of a network that are lists of values of one key of [Network]
  lists = {
    address = "Address";
    gateway = "Gateway";
    dns = "DNS";
    ntp = "NTP";
    bridge = "Bridge";
    vlan = "VLAN";
    macvlan = "MACVLAN";
    tunnel = "Tunnel";
  };

  common = {
    enable = option types.bool true;
    matchConfig = option (types.attrsOf unit.value) { };
    extraConfig = option types.lines "";
  };
  networkModule = { config, ... }: {
    options = common // sectionOptions networkSections // lib.mapAttrs (_: _: option (types.listOf types.str) [ ]) lists // {
      name = option (types.nullOr types.str) null;
      DHCP = option (types.nullOr types.str) null;
      domains = option (types.nullOr (types.listOf types.str)) null;
    };
    config = {
      matchConfig = lib.optionalAttrs (config.name != null) { Name = config.name; };
      networkConfig =
        lib.optionalAttrs (config.DHCP != null) { inherit (config) DHCP; }
        // lib.optionalAttrs (config.domains != null) { Domains = lib.concatStringsSep " " config.domains; };
    };
  };
  # The lists join what is in the section of the same name.
  withLists = n: n // {
    networkConfig = lib.foldlAttrs (
      all: name: key: if n.${name} == [ ] then all else all // { ${key} = lib.toList (all.${key} or [ ]) ++ n.${name}; }
    ) n.networkConfig lists;
  };

  files = suffix: toText: set: lib.mapAttrs' (name: f: lib.nameValuePair "systemd/network/${name}.${suffix}" { text = toText f; }) (
    lib.filterAttrs (_: f: f.enable) set
  );
in
{
  options.systemd.network = {
    enable = option types.bool false;
    netdevs = option (types.attrsOf (types.submodule { options = common // sectionOptions netdevSections; })) { };
    networks = option (types.attrsOf (types.submodule networkModule)) { };
    wait-online.enable = option types.bool true;
  };

  config = lib.mkIf cfg.enable {
    environment.etc =
      files "netdev" (write netdevSections) cfg.netdevs
      // files "network" (n: write networkSections (withLists n)) cfg.networks;
    rendered = {
      "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service".symlink = "../systemd-networkd.service";
    }
    // lib.optionalAttrs cfg.wait-online.enable {
      "/etc/systemd/system/network-online.target.wants/systemd-networkd-wait-online.service".symlink =
        "../systemd-networkd-wait-online.service";
    };
  };
}
