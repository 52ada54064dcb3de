# services.network-metrics-exporter: the exporter alone, for those who bring their
# own Prometheus. What it is configured with ends up in `settings`.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.network-metrics-exporter;

  format = pkgs.formats.yaml { };
  oneOrMore = type: types.coercedTo type lib.singleton (types.listOf type);

  leaseFile = types.submodule {
    options = {
      format = mkOption {
        type = types.enum [
          "auto"
          "dnsmasq"
          "kea"
          "isc"
          "networkd"
        ];
        default = "auto";
        example = "dnsmasq";
        description = "The DHCP server that writes the file; `auto` recognises it by its content.";
      };
      path = mkOption {
        type = types.str;
        example = "/var/lib/dnsmasq/dnsmasq.leases";
        description = "The file, or for networkd the folder.";
      };
    };
  };
  leaseFiles = types.coercedTo (types.either types.str leaseFile) lib.singleton (
    types.listOf (types.coercedTo types.str (path: { inherit path; }) leaseFile)
  );
in
{
  imports = [
    ./beside.nix
    ./earlier.nix
    ./service.nix
    ./settings.nix
    (lib.mkAliasOptionModule
      [ "services" "network-metrics-exporter" "lanInterface" ]
      [ "services" "network-metrics-exporter" "lanInterfaces" ]
    )
    (lib.mkAliasOptionModule
      [ "services" "network-metrics-exporter" "wanInterface" ]
      [ "services" "network-metrics-exporter" "wanInterfaces" ]
    )
    (lib.mkAliasOptionModule
      [ "services" "network-metrics-exporter" "localSubnet" ]
      [ "services" "network-metrics-exporter" "localSubnets" ]
    )
  ];

  options.services.network-metrics-exporter = {
    enable = lib.mkEnableOption "network-metrics-exporter, which counts what every client of this router sends and receives, for Prometheus";

    package = mkOption {
      type = types.package;
      default = pkgs.network-metrics-exporter or (pkgs.callPackage ../../exporter/package.nix { });
      defaultText = lib.literalExpression "the exporter of this flake";
      description = "The package that provides the exporter.";
    };

    listenAddress = mkOption {
      type = types.str;
      default = if cfg.openFirewall then "" else "127.0.0.1";
      defaultText = lib.literalExpression ''if openFirewall then "" else "127.0.0.1"'';
      example = "192.168.1.1";
      description = "Address on which metrics are served; an empty one means all addresses of this machine.";
    };

    port = mkOption {
      type = types.port;
      default = 9101;
      description = "Port on which metrics are served.";
    };

    openFirewall = mkOption {
      type = types.bool;
      default = false;
      description = "Open the port in the firewall, on {option}`lanInterfaces` only, for a Prometheus on another machine.";
    };

    webConfigFile = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "/run/secrets/exporter-web.yml";
      description = "[Web configuration file](https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md) with TLS and passwords. It stays out of the Nix store and may belong to root.";
    };

    lanInterfaces = mkOption {
      type = oneOrMore types.str;
      default = [ ];
      example = [
        "br-lan"
        "br-guest"
      ];
      description = "Where the clients are, one interface or several. Empty: every bridge or interface that has a private subnet and no default route. Also as {option}`lanInterface`.";
    };

    wanInterfaces = mkOption {
      type = oneOrMore types.str;
      default = [ ];
      example = [ "enp1s0" ];
      description = "Where the Internet is, one interface or several. Empty: those of the default routes. Also as {option}`wanInterface`.";
    };

    localSubnets = mkOption {
      type = oneOrMore types.str;
      default = [ ];
      example = [
        "192.168.1.0/24"
        "fd00:1::/64"
      ];
      description = "The clients' networks. Empty: those of the LAN interfaces, IPv4 and IPv6, followed as they change. Also as {option}`localSubnet`.";
    };

    staticClients = mkOption {
      type = types.attrsOf (
        types.coercedTo types.str (name: { inherit name; }) (types.submodule ./client.nix)
      );
      default = { };
      example = lib.literalExpression ''
        {
          "192.168.1.10" = "nas";
          gaming-pc = {
            ip = "192.168.1.105";
            mac = "aa:bb:cc:dd:ee:ff";
            type = "gaming";
            quota = { bytes = "500GB"; billingDay = 1; };
          };
        }
      '';
      description = "The devices you know: an address and its name, or a name with all that is known. Others show up by themselves.";
    };

    dhcpLeaseFile = mkOption {
      type = types.nullOr leaseFiles;
      default =
        let
          found = import ./leases.nix { inherit config lib; };
        in
        if found == [ ] then null else found;
      defaultText = lib.literalMD "those of dnsmasq, Kea and systemd-networkd, as far as they serve DHCP on this machine; else `null`";
      example = "/var/lib/dnsmasq/dnsmasq.leases";
      description = "Where host names come from: one lease file or a list of them, each a path or `{ format, path }`. `null` looks at the usual places, `[ ]` reads none.";
    };

    vendors = mkOption {
      type = types.nullOr types.str;
      default = "${pkgs.hwdata}/share/hwdata/oui.txt";
      defaultText = lib.literalExpression ''"''${pkgs.hwdata}/share/hwdata/oui.txt"'';
      description = "The IEEE's list of network card makers, which names devices without a host name. `null` for none.";
    };

    enableNftables = mkOption {
      type = types.bool;
      default = true;
      description = "Count bytes, in nftables tables of the exporter's own. Without it only connections and presence are reported.";
    };

    accounting.hook = mkOption {
      type = types.enum [
        "auto"
        "forward"
        "device"
      ];
      default = "auto";
      description = "Where packets are counted: `forward` after the firewall, `device` on the LAN interfaces, which a flowtable does not bypass. `auto` is `device` where a flowtable needs it.";
    };

    accounting.protectTable = mkOption {
      type = types.bool;
      default = true;
      description = "Let nobody else change or flush the exporter's tables, so that a firewall reload or `nft flush ruleset` loses no byte; needs Linux 6.9. Turn it off if you save the running ruleset with `nft list ruleset`: the copy does not load while the tables are protected.";
    };

    updateInterval = mkOption {
      type = types.ints.between 1 3600;
      default = 5;
      description = "Seconds between two looks at connections, neighbours and leases. Bytes are read fresh at each scrape.";
    };

    offlineThreshold = mkOption {
      type = types.ints.positive;
      default = 300;
      description = "Seconds of silence after which a client is offline.";
    };

    excludedIPs = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "192.168.50.0/28" ];
      description = "Addresses and prefixes that get no series of their own.";
    };

    extraLabels = mkOption {
      type = types.attrsOf types.str;
      default = { };
      example = {
        location = "home";
      };
      description = "Labels for every metric of a client.";
    };

    stateDir = mkOption {
      type = types.str;
      default = "/var/lib/network-metrics";
      description = "Where totals and names survive a restart. It has to be below `/var/lib`, where systemd makes it for the exporter's dynamic user.";
    };

    settings = mkOption {
      type = types.submodule { freeformType = format.type; };
      default = { };
      example = {
        quota = {
          bytes = "2TB";
          billing_day = 15;
        };
        accounting.max_clients = 1024;
      };
      description = "The configuration file, with every key of [the example](config.example.yml). What is set here wins over the options above.";
    };

    checkConfig = mkOption {
      type = types.bool;
      default = true;
      description = "Check the configuration when the system is built, so that a mistake is found before it is switched to.";
    };

    extraFlags = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "--log.level=debug" ];
      description = "Further flags of the command line.";
    };
  };

  config = lib.mkIf cfg.enable {
    networking.firewall.interfaces = lib.mkIf cfg.openFirewall (
      lib.genAttrs cfg.settings.lan.interfaces or [ ] (_: {
        allowedTCPPorts = [ cfg.port ];
      })
    );

    assertions = [
      {
        assertion = cfg.openFirewall -> cfg.settings.lan.interfaces or [ ] != [ ];
        message = "services.network-metrics-exporter.openFirewall opens the port on the LAN only: name the LAN in services.network-metrics-exporter.lanInterfaces.";
      }
    ];
  };
}
