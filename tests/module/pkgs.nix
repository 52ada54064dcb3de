# What modules take from nixpkgs' packages, as far as ours and the stand-ins below
# nixos/ do. A package is nothing but its path in the store, with zeros for the
# hash; functions that write files write them into the store for real.
{ lib }:
let
  zeros = lib.fixedWidthString 32 "0" "";

  package =
    { pname, meta ? { }, ... }:
    {
      type = "derivation";
      name = pname;
      inherit pname;
      outPath = "/nix/store/${zeros}-${pname}";
      drvPath = "/nix/store/${zeros}-${pname}.drv";
      outputName = "out";
      meta = { mainProgram = pname; } // meta;
    };

  # Add a name here when a module needs it.
  packages =
    lib.genAttrs [
      "adguardhome"
      "alertmanager-ntfy"
      "bash"
      "blocky"
      "busybox"
      "coreutils"
      "curl"
      "dig"
      "ethtool"
      "findutils"
      "gnugrep"
      "gnused"
      "grafana"
      "hwdata"
      "iproute2"
      "iptables"
      "jq"
      "kea"
      "miniupnpd"
      "netcat"
      "openssl"
      "prometheus-blackbox-exporter"
      "prometheus-kea-exporter"
      "python3"
      "router-monitoring-lab"
      "systemd"
      "tcpdump"
      "unbound-with-systemd"
      "util-linux"
    ] (pname: package { inherit pname; })
    // lib.mapAttrs (pname: mainProgram: package { inherit pname; meta = { inherit mainProgram; }; }) {
      dnsmasq = "dnsmasq";
      nftables = "nft";
      prometheus = "prometheus";
      prometheus-alertmanager = "alertmanager";
      prometheus-dnsmasq-exporter = "dnsmasq_exporter";
      prometheus-json-exporter = "json_exporter";
      prometheus-node-exporter = "node_exporter";
      prometheus-speedtest-exporter = "speedtest_exporter";
      prometheus-unbound-exporter = "unbound_exporter";
    };

  # JSON, which is YAML too, with a line for each value so that changes can be read.
  indented = indent: value:
    let
      deeper = indent + "  ";
      block = open: close: lines:
        if lines == [ ] then open + close
        else "${open}\n${lib.concatMapStringsSep ",\n" (l: deeper + l) lines}\n${indent}${close}";
    in
    if lib.isAttrs value && !(value ? outPath) then
      block "{" "}" (lib.mapAttrsToList (n: v: "${builtins.toJSON n}: ${indented deeper v}") value)
    else if lib.isList value then
      block "[" "]" (map (indented deeper) value)
    else
      builtins.toJSON value;

  atom = with lib.types; nullOr (oneOf [ bool int float str ]);
  tree = what:
    let
      type = with lib.types; nullOr (oneOf [ bool int float str path (attrsOf type) (listOf type) ])
        // { description = "${what} value"; };
    in
    type;
  asLists = of: f: lib.mapAttrs (_: v: if f != null && lib.isList v then f v else v) of;

  self = packages // {
    inherit lib;
    stdenv = rec {
      buildPlatform = { canExecute = _: true; is64bit = true; };
      hostPlatform = buildPlatform;
    };

    buildGoModule = function: package (lib.fix function);
    # What a package is built with does not matter here.
    callPackage = file: more:
      let
        function = import file;
        arguments = lib.filterAttrs (name: hasDefault: self ? ${name} || !hasDefault) (lib.functionArgs function);
      in
      function (lib.mapAttrs (pname: _: self.${pname} or (package { inherit pname; })) arguments // more);

    writeText = builtins.toFile;
    writeScript = builtins.toFile;
    writeShellScript = name: text: builtins.toFile name "#!/bin/bash\n${text}";

    # A command that only checks its attribute `source` and passes it on yields that.
    runCommand = name: attrs: _: attrs.source or (package { pname = name; });

    formats = {
      json = { }: {
        type = tree "JSON";
        generate = name: value: builtins.toFile name (indented "" value + "\n");
      };
      yaml = { }: self.formats.json { } // { type = tree "YAML 1.1"; };
      ini = { listToValue ? null, ... }@how: {
        type = with lib.types; attrsOf (attrsOf (either atom (listOf atom)));
        generate = name: value:
          builtins.toFile name (
            lib.generators.toINI (removeAttrs how [ "listToValue" ]) (lib.mapAttrs (_: s: asLists s listToValue) value)
          );
      };
      keyValue = { listsAsDuplicateKeys ? false, ... }@how: {
        type = with lib.types; attrsOf (coercedTo atom lib.singleton (listOf atom));
        generate = name: value: builtins.toFile name (lib.generators.toKeyValue how value);
      };
    };
  };
in
self
