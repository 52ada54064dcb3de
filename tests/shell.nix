# `nix develop`: what the Makefile's targets need.
{ pkgs }:
pkgs.mkShell {
  NIXPKGS_LIB = pkgs.path; # with which `make test` evaluates the module
  packages = with pkgs; [
    conntrack-tools
    dnsmasq
    git
    gnumake
    (pkgs.go_1_26 or go)
    kea
    nftables
    nix
    nodejs
    prometheus
    prometheus.cli
    prometheus-alertmanager
    shellcheck
  ];
}
