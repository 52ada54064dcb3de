# Grafana's key and its administrator's password: files of the user's, or made up
# once, at the first start. Neither is ever in the Nix store.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.router-monitoring;
  stateDirectory = "router-monitoring";
  madeUp = name: "/var/lib/${stateDirectory}/${name}";
  files = {
    secret-key = {
      given = cfg.grafana.secretKeyFile;
      fallback = madeUp "grafana-secret-key";
    };
    admin-password = {
      given = cfg.grafana.adminPasswordFile;
      fallback = madeUp "grafana-admin-password";
    };
  };
  missing = lib.filter (f: f.given == null) (lib.attrValues files);
  service = "router-monitoring-secrets.service";
in
{
  config = lib.mkIf (cfg.enable && cfg.grafana.enable) {
    services.grafana.settings.security = {
      secret_key = lib.mkDefault "$__file{/run/credentials/grafana.service/secret-key}";
      admin_password = lib.mkDefault "$__file{/run/credentials/grafana.service/admin-password}";
    };

    systemd.services.grafana = {
      # systemd reads them as root, so that they need not belong to Grafana.
      serviceConfig.LoadCredential = lib.mapAttrsToList (
        name: f: "${name}:${if f.given == null then f.fallback else f.given}"
      ) files;
      requires = lib.optional (missing != [ ]) service;
      after = lib.optional (missing != [ ]) service;
    };

    systemd.services.router-monitoring-secrets = lib.mkIf (missing != [ ]) {
      description = "Make up secrets of Grafana that nobody gave";
      path = [ pkgs.coreutils ];
      # A file that exists is whole: it got its name when all was written.
      script = lib.concatMapStrings (f: ''
        if [ ! -e ${f.fallback} ]; then
          head -c 24 /dev/urandom | base64 | tr -d '\n' > ${f.fallback}.new
          sync ${f.fallback}.new
          mv ${f.fallback}.new ${f.fallback}
        fi
      '') missing;
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        StateDirectory = stateDirectory;
        StateDirectoryMode = "0700";
        UMask = "0077";
        CapabilityBoundingSet = [ "" ];
        NoNewPrivileges = true;
        PrivateDevices = true;
        PrivateNetwork = true;
        PrivateTmp = true;
        ProtectHome = true;
        ProtectSystem = "strict";
        RestrictAddressFamilies = "none";
        SystemCallFilter = [ "@system-service" ];
      };
    };
  };
}
