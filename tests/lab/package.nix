# The lab's program, from the sources and dependencies of the exporter's package.
{ network-metrics-exporter }:
network-metrics-exporter.overrideAttrs (old: {
  pname = "router-monitoring-lab";
  subPackages = [ "tests/lab/cmd/lab" ];
  ldflags = [ ];
  postInstall = "";
  doCheck = false;
  doInstallCheck = false;
  meta = old.meta // {
    description = "A router, an internet and LAN clients in network namespaces, with load";
    mainProgram = "lab";
  };
})
