# `nix develop`: what the Makefile's targets need.
{ pkgs }:
let
  # By their names on Debian. Of busybox itself alone: its other names would hide
  # the shell's programs.
  named = pkgs.runCommand "debian-names" { } ''
    mkdir -p $out/bin
    ln -s ${pkgs.busybox}/bin/busybox $out/bin/busybox
    ln -s ${pkgs.prometheus-alertmanager}/bin/alertmanager $out/bin/prometheus-alertmanager
  '';
in
pkgs.mkShell {
  NIXPKGS_LIB = pkgs.path; # with which `make test` evaluates the module
  packages = with pkgs; [
    blocky
    conntrack-tools
    dnsmasq
    git
    gnumake
    (pkgs.go_1_26 or go)
    iptables
    kea
    libnatpmp # natpmpc
    miniupnpc # upnpc
    miniupnpd-nftables
    named
    nftables
    nix
    nodejs
    prometheus
    prometheus.cli
    prometheus-alertmanager
    prometheus-dnsmasq-exporter
    prometheus-json-exporter
    prometheus-unbound-exporter
    shellcheck
    unbound
  ];
}
