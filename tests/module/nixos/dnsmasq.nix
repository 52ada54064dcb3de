# Stands for nixos/modules/services/networking/dnsmasq.nix, without resolvconf.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  cfg = config.services.dnsmasq;

  # A true value is the name alone.
  keyValue = name: value:
    if value == true then name
    else if value == false then "# setting `${name}` explicitly set to false"
    else lib.generators.mkKeyValueDefault { } "=" name value;
  format = pkgs.formats.keyValue {
    listsAsDuplicateKeys = true;
    mkKeyValue = keyValue;
  };
  file = format.generate "dnsmasq.conf" cfg.settings;
  stateDir = "/var/lib/dnsmasq";
in
{
  options.services.dnsmasq = {
    enable = option types.bool false;
    package = option types.package pkgs.dnsmasq;
    resolveLocalQueries = option types.bool true;
    alwaysKeepRunning = option types.bool false;
    settings = option (types.submodule {
      freeformType = format.type;
      options.server = option (types.listOf types.str) [ ];
    }) { };
  };

  config = lib.mkIf cfg.enable {
    services.dnsmasq.settings = {
      dhcp-leasefile = lib.mkDefault "${stateDir}/dnsmasq.leases";
      conf-file = lib.mkDefault (lib.optional cfg.resolveLocalQueries "/etc/dnsmasq-conf.conf");
      resolv-file = lib.mkDefault (lib.optional cfg.resolveLocalQueries "/etc/dnsmasq-resolv.conf");
    };

    users.groups.dnsmasq = { };
    users.users.dnsmasq = {
      isSystemUser = true;
      group = "dnsmasq";
      description = "Dnsmasq daemon user";
    };

    systemd.services.dnsmasq = {
      description = "Dnsmasq Daemon";
      wantedBy = [ "multi-user.target" ];
      after = [ "network.target" "systemd-resolved.service" ];
      path = [ cfg.package ];
      preStart = ''
        mkdir -m 755 -p ${stateDir}
        touch ${stateDir}/dnsmasq.leases
        chown -R dnsmasq ${stateDir}
        ${lib.optionalString cfg.resolveLocalQueries "touch /etc/dnsmasq-{conf,resolv}.conf"}
        dnsmasq --test -C ${file}
      '';
      serviceConfig = {
        Type = "dbus";
        BusName = "uk.org.thekelleys.dnsmasq";
        ExecStart = "${cfg.package}/bin/dnsmasq -k --enable-dbus --user=dnsmasq -C ${file}";
        ExecReload = "${pkgs.coreutils}/bin/kill -HUP $MAINPID";
        PrivateTmp = true;
        ProtectHome = true;
        ProtectSystem = true;
        Restart = if cfg.alwaysKeepRunning then "always" else "on-failure";
      };
    };
  };
}
