# Stands for nixos/modules/services/monitoring/grafana.nix. Of the settings that have
# a default there, those that matter here are declared; the others are Grafana's own.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  cfg = config.services.grafana;
  yaml = pkgs.formats.yaml { };
  ini = pkgs.formats.ini {
    listToValue = lib.concatMapStringsSep " " (lib.generators.mkValueStringDefault { });
    mkKeyValue = lib.generators.mkKeyValueDefault {
      mkValueString = v: if v == null then "" else lib.generators.mkValueStringDefault { } v;
    } "=";
  };
  configFile = ini.generate "config.ini" cfg.settings;

  record = options: types.submodule {
    freeformType = yaml.type;
    inherit options;
  };
  pathOr = settings: option (types.submodule {
    options = {
      path = option (types.nullOr types.path) null;
      settings = option (types.nullOr settings) null;
    };
  }) { };

  datasource = record {
    name = mkOption { type = types.str; };
    type = mkOption { type = types.str; };
    access = option (types.enum [ "proxy" "direct" ]) "proxy";
    uid = option (types.nullOr types.str) null;
    url = option types.str "";
    editable = option types.bool false;
    jsonData = option (types.nullOr types.attrs) null;
    secureJsonData = option (types.nullOr types.attrs) null;
  };
  datasources = types.submodule {
    options = {
      apiVersion = option types.int 1;
      datasources = option (types.listOf datasource) [ ];
      deleteDatasources = option (types.listOf (types.submodule {
        options = {
          name = mkOption { type = types.str; };
          orgId = mkOption { type = types.int; };
        };
      })) [ ];
      prune = option types.bool false;
    };
  };
  dashboards = types.submodule {
    options = {
      apiVersion = option types.int 1;
      providers = option (types.listOf (record {
        name = option types.str "default";
        type = option types.str "file";
        options.path = mkOption { type = types.path; };
      })) [ ];
    };
  };

  # A file for each kind, linked into folders, as Grafana reads them.
  kinds = {
    "datasources/datasource" = { empty.datasources = [ ]; of = cfg.provision.datasources; };
    "dashboards/dashboard" = { empty.providers = [ ]; of = cfg.provision.dashboards; };
  };
  provisioning = pkgs.runCommand "grafana-provisioning" { } "";
  provisioned = path: { empty, of }: lib.nameValuePair "${provisioning}/${path}.yaml" {
    symlink = if of.path != null then "${of.path}" else builtins.unsafeDiscardStringContext (
      yaml.generate "${baseNameOf path}.yaml" (if of.settings != null then of.settings else empty // { apiVersion = 1; })
    );
  };

  security = cfg.settings.security;
  given = if cfg.provision.datasources.settings == null then [ ] else cfg.provision.datasources.settings.datasources;
  fromFile = secret: builtins.match "\\$__(file|env)\\{.*}|\\$[^_$][^ ]+" secret != null;
  privileged = cfg.settings.server.http_port < 1024;
in
{
  options.services.grafana = {
    enable = option types.bool false;
    package = option types.package pkgs.grafana;
    dataDir = option types.path "/var/lib/grafana";
    openFirewall = option types.bool false;
    settings = option (types.submodule {
      freeformType = ini.type;
      options = {
        analytics.reporting_enabled = option types.bool false;
        analytics.check_for_updates = option types.bool false;
        analytics.check_for_plugin_updates = option types.bool true;
        analytics.feedback_links_enabled = option types.bool true;
        database.type = option (types.enum [ "mysql" "sqlite3" "postgres" ]) "sqlite3";
        database.path = option types.path "${cfg.dataDir}/data/grafana.db";
        paths.plugins = option types.path "${cfg.dataDir}/plugins";
        paths.provisioning = option types.path "${provisioning}";
        security.admin_user = option types.str "admin";
        security.admin_password = option types.str "admin";
        security.secret_key = option (types.nullOr types.str) null;
        server.protocol = option (types.enum [ "http" "https" "h2" "socket" ]) "http";
        server.http_addr = option types.str "127.0.0.1";
        server.http_port = option types.port 3000;
        server.domain = option types.str "localhost";
        server.root_url = option types.str "%(protocol)s://%(domain)s:%(http_port)s/";
        users.allow_sign_up = option types.bool false;
        users.home_page = option types.str "";
      };
    }) { };
    provision = {
      enable = option types.bool false;
      datasources = pathOr datasources;
      dashboards = pathOr dashboards;
    };
  };

  config = lib.mkIf cfg.enable {
    rendered = lib.mapAttrs' provisioned kinds;

    networking.firewall.allowedTCPPorts = lib.optional cfg.openFirewall cfg.settings.server.http_port;

    users.groups.grafana = { };
    users.users.grafana = {
      uid = 196;
      group = "grafana";
      description = "Grafana user";
      home = cfg.dataDir;
      createHome = true;
    };

    systemd.services.grafana = {
      description = "Grafana Service Daemon";
      wantedBy = [ "multi-user.target" ];
      after = [ "network.target" ];
      preStart = ''
        ln -fs ${cfg.package}/share/grafana/conf ${cfg.dataDir}
        ln -fs ${cfg.package}/share/grafana/tools ${cfg.dataDir}
      '';
      script = ''
        set -o errexit -o pipefail -o nounset -o errtrace
        shopt -s inherit_errexit

        exec ${lib.getExe cfg.package} server -homepath ${cfg.dataDir} -config ${configFile}
      '';
      serviceConfig = {
        User = "grafana";
        WorkingDirectory = cfg.dataDir;
        Restart = "on-failure";
        RuntimeDirectory = "grafana";
        RuntimeDirectoryMode = "0755";
        UMask = "0027";
        AmbientCapabilities = lib.mkIf privileged [ "CAP_NET_BIND_SERVICE" ];
        CapabilityBoundingSet = if privileged then [ "CAP_NET_BIND_SERVICE" ] else [ "" ];
        DeviceAllow = [ "" ];
        LockPersonality = true;
        NoNewPrivileges = true;
        PrivateDevices = true;
        PrivateTmp = true;
        ProtectClock = true;
        ProtectControlGroups = true;
        ProtectHome = true;
        ProtectHostname = true;
        ProtectKernelLogs = true;
        ProtectKernelModules = true;
        ProtectKernelTunables = true;
        ProtectProc = "invisible";
        ProtectSystem = "full";
        RemoveIPC = true;
        RestrictAddressFamilies = [ "AF_INET" "AF_INET6" "AF_UNIX" ];
        RestrictNamespaces = true;
        RestrictRealtime = true;
        RestrictSUIDSGID = true;
        SystemCallArchitectures = "native";
        SystemCallFilter = [ "@system-service" "~@privileged" ];
      };
    };

    assertions = [
      {
        assertion = security.secret_key != null;
        message = "Grafana's secret key (services.grafana.settings.security.secret_key) doesn't have a default value anymore.";
      }
      {
        assertion = lib.all (d: d.type == "prometheus" -> d.access != "direct") given;
        message = "For datasources of type `prometheus`, the `direct` access mode is not supported anymore (since Grafana 9.2.0)";
      }
    ]
    ++ map (kind: {
      assertion = cfg.provision.${kind}.settings == null || cfg.provision.${kind}.path == null;
      message = "Cannot set both ${kind} settings and ${kind} path";
    }) [ "datasources" "dashboards" ];

    warnings =
      lib.optional (security.admin_password != "admin" && !fromFile security.admin_password) ''
        Grafana passwords will be stored as plaintext in the Nix store!
        Use file provider or an env-var instead.
      ''
      ++ lib.optional (lib.any (d: d.secureJsonData != null && !lib.all fromFile (lib.attrValues d.secureJsonData)) given) ''
        Declarations in the `secureJsonData`-block of a datasource will be leaked to the
        Nix store unless a file-provider or an env-var is used!
      '';
  };
}
