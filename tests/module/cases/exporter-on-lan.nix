# The exporter for a Prometheus on another machine, and nothing else.
{
  networking.nftables.enable = true;
  services.network-metrics-exporter = {
    enable = true;
    lanInterfaces = [ "br-lan" ];
    listenAddress = "192.168.1.1";
    openFirewall = true;
    webConfigFile = "/run/secrets/exporter-web.yml";
    settings.accounting.max_clients = 1024;
  };
}
