# A configuration of an earlier exporter of the same name.
{
  services.network-metrics-exporter = {
    enable = true;
    port = 9102;
    updateInterval = 2;
    openFirewall = true;
    enableNftablesIntegration = true;
    networkPrefix = "192.168.10";
    trafficInterface = "br-lan";
    staticClients.desk = {
      ip = "192.168.10.20";
      mac = null;
      hostname = "desk";
      deviceType = "computer";
    };
  };
}
