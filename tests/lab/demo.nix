# `nix run .#demo`: what `make demo` does. Its arguments are those of `lab demo`,
# such as --duration=60s.
{
  lib,
  writeShellApplication,
  network-metrics-exporter,
  router-monitoring-lab,
  nftables,
  prometheus,
  util-linux,
}:
writeShellApplication {
  name = "router-monitoring-demo";
  runtimeInputs = [
    nftables
    util-linux
  ];
  text = ''
    # Word splitting is wanted: it prints a command and its arguments.
    prefix=$(sh ${../namespaces.sh})
    # shellcheck disable=SC2086
    exec $prefix ${lib.getExe router-monitoring-lab} demo \
      --exporter=${lib.getExe network-metrics-exporter} \
      --prometheus=${lib.getExe prometheus} \
      --rules='${../../alerts}/*.rules.yml' "$@"
  '';
}
