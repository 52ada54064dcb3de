# Every option, with a value that is not its default.
{
  networking = {
    hostName = "gate";
    nftables.enable = true;
  };
  services.network-metrics-exporter = {
    port = 9102;
    webConfigFile = "/run/secrets/exporter-web.yml";
    staticClients = {
      "192.168.1.10" = "nas";
      "fd00:1::20" = "server";
      laptop = {
        name = "Anna's laptop";
        mac = [
          "02:00:00:00:00:01"
          "02:00:00:00:00:02"
        ];
        type = "computer";
        quota = {
          bytes = "500GB";
          billingDay = 15;
        };
      };
    };
    dhcpLeaseFile = [
      "/var/lib/misc/dnsmasq.leases"
      {
        format = "isc";
        path = "/var/lib/dhcp/dhcpd.leases";
      }
    ];
    vendors = null;
    enableNftables = false;
    accounting = {
      hook = "forward";
      protectTable = false;
    };
    updateInterval = 10;
    offlineThreshold = 600;
    excludedIPs = [ "192.168.1.1" ];
    extraLabels = {
      location = "home";
      router = "attic";
    };
    stateDir = "/var/lib/router/metrics";
    settings.quota = {
      bytes = "2TB";
      billing_day = 15;
    };
    settings.accounting.max_clients = 1024;
    extraFlags = [ "--log.level=debug" ];
  };
  # The file with the password is not there when the system is built.
  services.prometheus.checkConfig = "syntax-only";

  services.router-monitoring = {
    enable = true;
    lan.interfaces = [
      "br-lan"
      "br-guest"
    ];
    lan.subnets = [ "192.168.1.0/24" ];
    wan.interfaces = "ppp0";
    address = "192.168.1.254";
    prometheus = {
      retentionTime = "90d";
      retentionSize = "4GB";
      scrapeInterval = "10s";
      exporterScrapeConfig = {
        scheme = "https";
        tls_config.insecure_skip_verify = true;
        basic_auth = {
          username = "prometheus";
          password_file = "/run/secrets/scrape-password";
        };
      };
      remoteWrite = [ { url = "https://metrics.example.org/api/v1/write"; } ];
    };
    nodeExporter.collectors = [ "systemd" ];
    grafana = {
      port = 3001;
      anonymousViewing = false;
      adminPasswordFile = "/run/secrets/grafana-admin-password";
      secretKeyFile = "/run/secrets/grafana-secret-key";
      defaultDatasource = false;
      sections = [
        "now"
        "month"
      ];
    };
    alerts = {
      thresholds = {
        clientBytesPerSecond.tx = 1000000;
        lineBytesPerSecond.rx = 31250000;
        temperatureCelsius = 72.5;
      };
      legacyNames = true;
      extraRuleFiles = [ ../../vm/machines/hog-now.rules.yml ];
    };
    alertmanager = {
      receivers = {
        ntfy = {
          urlFile = "/run/secrets/ntfy-url";
          tokenFile = "/run/secrets/ntfy-token";
        };
        email = {
          to = "me@example.org";
          from = "router@example.org";
          smarthost = "mail.example.org:587";
          username = "router@example.org";
          passwordFile = "/run/secrets/mail-password";
        };
        webhook.url = "http://127.0.0.1:8123/api/webhook/router";
      };
      ignore = [
        "SustainedStreaming"
        "NewDevice"
      ];
      groupWait = "5s";
      repeatInterval = "4h";
    };
    firewall.interfaces = [
      "br-lan"
      "wg0"
    ];
  };
}
