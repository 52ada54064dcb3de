# The ranges of addresses that the DHCP servers of this configuration give out, as
# [ { name, first, last, server } ].
{ config, lib }:
let
  inherit (config.services) dnsmasq kea;
  ipv4 = import ../ipv4.nix { inherit lib; };
  networkd = import ../networkd.nix { inherit lib; };

  range = first: last: let text = "${first}-${last}"; in if lib.stringLength text <= 63 then text else first;
  words = text: map lib.trim (lib.splitString "," text);

  # [tag:…,][set:NAME,]FIRST,LAST[,…]; "static" and the like stand in LAST's place,
  # and with constructor: both are but the end of an address.
  ofDnsmasq =
    text:
    let
      all = words text;
      isTag = word: lib.any (p: lib.hasPrefix p word) [ "tag:" "set:" "net:" ];
      ends = lib.filter (word: !isTag word) all;
      first = lib.head ends;
      last = lib.elemAt ends 1;
      isIPv6 = word: builtins.match "[0-9a-fA-F:.]*:[0-9a-fA-F:.]*" word != null;
      isRange = ipv4.isAddress first && ipv4.isAddress last || isIPv6 first && isIPv6 last;
      names = map (lib.removePrefix "set:") (lib.filter (lib.hasPrefix "set:") all);
    in
    lib.optional (lib.length ends > 1 && isRange && !lib.any (lib.hasPrefix "constructor:") ends) {
      name = lib.head (names ++ [ (range first last) ]);
      inherit first last;
      server = "dnsmasq";
    };

  # A pool is "FIRST - LAST" or a prefix. A server with a control socket tells its
  # pools itself.
  ofKea =
    server: subnets:
    let
      inherit (server) settings;
      hasLeases = server.enable && settings != null && settings.lease-database.type or "memfile" == "memfile";
      networks = settings.${subnets} or [ ] ++ lib.concatMap (n: n.${subnets} or [ ]) (settings.shared-networks or [ ]);
      ofSubnet = s: lib.concatMap (ofPool s (lib.length s.pools or [ ] == 1)) (s.pools or [ ]);
    in
    lib.optionals (hasLeases && import ./kea.nix { inherit lib server; } == [ ]) (lib.concatMap ofSubnet networks);
  ofPool =
    subnet: alone: pool:
    let
      ends = map lib.trim (lib.splitString "-" pool.pool);
      prefix = ipv4.network pool.pool;
      both =
        if lib.length ends == 2 then ends
        else map ipv4.format [ prefix.first (prefix.first + prefix.size - 1) ];
      first = lib.head both;
      last = lib.last both;
    in
    lib.optional (lib.length ends == 2 || prefix != null) {
      name = if alone then subnet.subnet or (range first last) else range first last;
      inherit first last;
      server = "kea";
    };

  # sd_dhcp_server_configure_pool: without an offset the pool begins after the
  # network's own address, without a size it ends before that for broadcasts.
  ofNetwork =
    key: n:
    let
      dhcp = n.dhcpServerConfig;
      number = name: lib.toIntBase10 (toString (dhcp.${name} or 0));
      isOwn = a: ipv4.network a != null && !lib.hasPrefix "169.254." a && !lib.hasPrefix "127." a;
      network = ipv4.network (lib.findFirst isOwn "" (lib.toList (dhcp.ServerAddress or [ ]) ++ networkd.addresses n));
      offset = lib.max 1 (number "PoolOffset");
      size = if number "PoolSize" > 0 then number "PoolSize" else network.size - offset - 1;
    in
    lib.optional (networkd.isYes (n.networkConfig.DHCPServer or false) && !(dhcp ? RelayTarget) && network != null && size > 0) {
      name = lib.head (networkd.names n ++ [ key ]);
      first = ipv4.format (network.first + offset);
      last = ipv4.format (network.first + offset + size - 1);
      server = "networkd";
    };

  all =
    lib.optionals dnsmasq.enable (lib.concatMap ofDnsmasq (lib.toList (dnsmasq.settings.dhcp-range or [ ])))
    ++ ofKea kea.dhcp4 "subnet4"
    ++ ofKea kea.dhcp6 "subnet6"
    ++ lib.optionals config.systemd.network.enable (
      lib.concatLists (lib.mapAttrsToList ofNetwork config.systemd.network.networks)
    );

  # A range may be there once for each of several tags; a name may not.
  unlike = lib.foldl' (seen: p: if lib.any (q: q.first == p.first && q.last == p.last) seen then seen else seen ++ [ p ]) [ ] all;
  taken = name: lib.count (p: p.name == name) unlike > 1;
in
map (p: if taken p.name then p // { name = range p.first p.last; } else p) unlike
