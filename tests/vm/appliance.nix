# The README's example as it is, and somebody to receive its alerts.
{
  nodes = {
    router = {
      imports = [
        ./machines/router.nix
        ./machines/dnsmasq.nix
        ../../docs/example.nix
      ];
      services.router-monitoring = {
        alertmanager.receivers.webhook.url = "http://203.0.113.1:8080/";
        alertmanager.groupWait = "1s";
        # The same question as HighBandwidthUsage asks, without its five minutes.
        alerts.thresholds.clientBytesPerSecond.tx = 5000;
        alerts.extraRuleFiles = [ ./machines/hog-now.rules.yml ];
      };
    };
    internet = ./machines/internet.nix;
    clients = ./machines/clients.nix;
  };
}
