# The DNS servers of this machine: each that runs is watched, and has a section on
# the dashboard Router.
{
  imports = [
    ./adguardhome.nix
    ./blocky.nix
    ./dnsmasq.nix
    ./unbound.nix
  ];
}
