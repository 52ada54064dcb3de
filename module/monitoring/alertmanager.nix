# Alertmanager, which tells the owner: by ntfy, by mail, or to a webhook.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.services.router-monitoring;
  am = cfg.alertmanager;
  option = "services.router-monitoring.alertmanager";
  inherit (am.receivers) ntfy email webhook;
  server = config.services.prometheus.alertmanager;
  inherit (import ../endpoint.nix { inherit lib; }) reachable;

  file = what: mkOption {
    type = types.nullOr types.str;
    default = null;
    description = "File with ${what}, kept out of the Nix store. It may belong to root.";
  };
  text = default: example: description: mkOption {
    type = if default == null then types.nullOr types.str else types.str;
    inherit default example description;
  };
  receiver = description: options: mkOption {
    type = types.nullOr (types.submodule { inherit options; });
    default = null;
    inherit description;
  };

  # systemd reads the files as root and hands them to the unit.
  credentials = lib.filterAttrs (_: path: path != null) {
    ntfy-url = ntfy.urlFile or null;
    ntfy-token = ntfy.tokenFile or null;
    email-password = email.passwordFile or null;
    webhook-url = webhook.urlFile or null;
  };
  credential = name: "/run/credentials/alertmanager.service/${name}";
  when = condition: attrs: if condition then attrs else { };
  urlOrFile = name: url: if url == null then { url_file = credential name; } else { inherit url; };

  # ntfy has a template for what Alertmanager sends.
  priorities = { critical = "urgent"; warning = "default"; info = "low"; };
  toNtfy = severity:
    {
      send_resolved = true;
    }
    // urlOrFile "ntfy-url" (
      if ntfy.url == null then null else "${ntfy.url}?template=alertmanager&priority=${priorities.${severity}}"
    )
    // when (ntfy.tokenFile != null) {
      http_config.authorization = {
        type = "Bearer";
        credentials_file = credential "ntfy-token";
      };
    };

  toEmail =
    {
      inherit (email) to from smarthost;
      require_tls = email.requireTLS;
      send_resolved = true;
    }
    // when (email.username != null) { auth_username = email.username; }
    // when (email.passwordFile != null) { auth_password_file = credential "email-password"; };

  toWebhook = { send_resolved = true; } // urlOrFile "webhook-url" webhook.url;

  receiverOf = severity:
    { name = severity; }
    // {
      webhook_configs =
        lib.optional (ntfy != null) (toNtfy severity) ++ lib.optional (webhook != null) toWebhook;
      email_configs = lib.optional (email != null) toEmail;
    };

  severities = lib.attrNames priorities;
  given = url: urlFile: (url != null) != (urlFile != null);
in
{
  options.services.router-monitoring.alertmanager = {
    enable = mkOption {
      type = types.bool;
      default = ntfy != null || email != null || webhook != null;
      defaultText = lib.literalMD "whether there is a receiver";
      description = "Run Alertmanager on this router, which sends alerts to the receivers.";
    };

    receivers = {
      ntfy = receiver "Send alerts to the phone, by [ntfy](https://ntfy.sh)." {
        url = text null "https://ntfy.sh/a-name-nobody-guesses" "The topic's address. Whoever knows it reads along: on a public server take {option}`urlFile`.";
        urlFile = file "the topic's address and `?template=alertmanager` behind it, instead of {option}`url`";
        tokenFile = file "an access token of the ntfy server";
      };

      email = receiver "Send alerts by mail." {
        to = text "" "me@example.org" "Whom to write to.";
        from = text "" "router@example.org" "Who writes.";
        smarthost = text "" "mail.example.org:587" "Mail server and port.";
        username = text null "router@example.org" "User name at the mail server.";
        passwordFile = file "the password at the mail server";
        requireTLS = mkOption {
          type = types.bool;
          default = true;
          description = "Refuse to send mail without encryption.";
        };
      };

      webhook = receiver "Send alerts to a program, in [Alertmanager's format](https://prometheus.io/docs/alerting/latest/configuration/#webhook_config)." {
        url = text null "http://127.0.0.1:8123/api/webhook/router" "Its address.";
        urlFile = file "its address, instead of {option}`url`";
      };
    };

    ignore = mkOption {
      type = types.listOf types.str;
      default = [ "SustainedStreaming" ];
      description = "Names of alerts that are sent to nobody. Grafana and Prometheus show them still.";
    };

    groupWait = text "30s" "5s" "How long to wait for more of the same before the first message.";
    repeatInterval = text "1d" "4h" "How long an alert has to last to be sent again.";
  };

  config = lib.mkIf (cfg.enable && am.enable) {
    services.prometheus.alertmanagers = [
      { static_configs = [ { targets = [ (reachable server.listenAddress server.port) ]; } ]; }
    ];

    services.prometheus.alertmanager = {
      enable = lib.mkDefault true;
      listenAddress = lib.mkDefault "127.0.0.1";
      # As a whole: the option's type would merge two of them by losing one.
      configuration = lib.mkDefault {
        route = {
          receiver = "warning";
          group_by = [ "alertname" "router" "hostname" ];
          group_wait = am.groupWait;
          group_interval = "5m";
          repeat_interval = am.repeatInterval;
          routes =
            lib.optional (am.ignore != [ ]) {
              receiver = "nobody";
              matchers = [ ''alertname=~"${lib.concatStringsSep "|" am.ignore}"'' ];
            }
            ++ map (severity: {
              receiver = severity;
              matchers = [ ''severity="${severity}"'' ];
            }) severities;
        };
        # Who knows that the exporter is down need not hear of what follows.
        inhibit_rules = [
          {
            source_matchers = [ ''alertname="ExporterDown"'' ];
            target_matchers = [ ''alertname=~"SourceDown|AccountingBypassed|AccountingIncomplete"'' ];
            equal = [ "router" ];
          }
        ];
        receivers = [ { name = "nobody"; } ] ++ map receiverOf severities;
      };
    };

    systemd.services.alertmanager.serviceConfig.LoadCredential = lib.mapAttrsToList (
      name: path: "${name}:${path}"
    ) credentials;

    assertions = [
      {
        assertion = ntfy != null || email != null || webhook != null;
        message = "${option} is enabled but has no receiver; set one of ${option}.receivers.{ntfy,email,webhook}.";
      }
      {
        assertion = ntfy == null || given ntfy.url ntfy.urlFile;
        message = "${option}.receivers.ntfy needs url or urlFile, and not both.";
      }
      {
        assertion = webhook == null || given webhook.url webhook.urlFile;
        message = "${option}.receivers.webhook needs url or urlFile, and not both.";
      }
      {
        assertion = email == null || !(lib.elem "" [ email.to email.from email.smarthost ]);
        message = "${option}.receivers.email needs to, from and smarthost.";
      }
      {
        assertion = cfg.prometheus.enable && cfg.alerts.enable;
        message = "${option} has nothing to send: enable services.router-monitoring.prometheus and services.router-monitoring.alerts.";
      }
    ];
  };
}
