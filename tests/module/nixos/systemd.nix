# Stands for nixos/modules/system/boot/systemd.nix and nixos/lib/systemd-{lib,unit-options}.nix:
# services, sockets, timers and paths as unit files. Units of systemd itself are not
# there; what is set for one of them is a drop-in.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  unit = import ../unit.nix { inherit lib; };
  cfg = config.systemd;

  option = type: default: mkOption { inherit type default; };
  unitNames = types.listOf (
    types.strMatching "[a-zA-Z0-9@%:_.\\-]+[.](service|socket|device|mount|automount|swap|target|path|timer|scope|slice)"
  );
  capital = text: lib.toUpper (lib.substring 0 1 text) + lib.substring 1 (-1) text;

  # options that are keys of [Unit], as lists of units
  relations = [ "after" "before" "bindsTo" "conflicts" "onFailure" "onSuccess" "partOf" "requires" "requisite" "upholds" "wants" ];
  # options that are links from other units' folders
  reverse = { wantedBy = "wants"; requiredBy = "requires"; upheldBy = "upholds"; };

  # On NixOS a trigger is a file with the hashes of what is named here.
  triggers = list: lib.concatMapStringsSep " " (t: withoutHash "${toString t}") (lib.flatten list);
  withoutHash = path:
    let
      parts = builtins.match "(/nix/store/)[0-9a-z]{32}(-.*)" path;
    in
    builtins.unsafeDiscardStringContext (
      if parts == null then path else lib.concatStringsSep (lib.fixedWidthString 32 "0" "") parts
    );

  common = suffix: { name, config, options, ... }: {
    options = {
      enable = option types.bool true;
      name = mkOption { type = types.str; };
      aliases = option unitNames [ ];
      description = option types.singleLineStr "";
      documentation = option (types.listOf types.str) [ ];
      overrideStrategy = option (types.enum [ "asDropinIfExists" "asDropin" ]) "asDropinIfExists";
      restartTriggers = option (types.listOf types.unspecified) [ ];
      reloadTriggers = option (types.listOf unit.value) [ ];
      startLimitBurst = mkOption { type = types.int; };
      startLimitIntervalSec = mkOption { type = types.int; };
      unitConfig = option (types.attrsOf unit.value) { };
    }
    // lib.genAttrs (relations ++ lib.attrNames reverse) (_: option unitNames [ ]);

    config = {
      name = "${name}.${suffix}";
      unitConfig =
        lib.mapAttrs (_: toString) (
          lib.filterAttrs (_: v: v != [ ] && v != "") (
            lib.mapAttrs' (n: lib.nameValuePair (capital n)) (lib.getAttrs (relations ++ [ "description" "documentation" ]) config)
          )
        )
        // lib.optionalAttrs (config.restartTriggers != [ ]) { X-Restart-Triggers = triggers config.restartTriggers; }
        // lib.optionalAttrs (config.reloadTriggers != [ ]) { X-Reload-Triggers = triggers config.reloadTriggers; }
        // lib.optionalAttrs options.startLimitBurst.isDefined { StartLimitBurst = toString config.startLimitBurst; }
        // lib.optionalAttrs options.startLimitIntervalSec.isDefined {
          StartLimitIntervalSec = toString config.startLimitIntervalSec;
        };
    };
  };

  # the scripts of a service: option, key of [Service], ending of the script's name
  scripts = [
    { from = "preStart"; to = "ExecStartPre"; ending = "pre-start"; }
    { from = "script"; to = "ExecStart"; ending = "start"; }
    { from = "postStart"; to = "ExecStartPost"; ending = "post-start"; }
    { from = "reload"; to = "ExecReload"; ending = "reload"; }
    { from = "preStop"; to = "ExecStop"; ending = "pre-stop"; }
    { from = "postStop"; to = "ExecStopPost"; ending = "post-stop"; }
  ];

  service = { name, config, ... }: {
    options = {
      environment = option (types.attrsOf (types.nullOr (types.oneOf [ types.str types.path types.package ]))) { };
      path = option (types.listOf (types.oneOf [ types.package types.str ])) [ ];
      serviceConfig = option (unit.section "Service" [ ] {
        Type = [ "exec" "simple" "forking" "oneshot" "dbus" "notify" "notify-reload" "idle" ];
        Restart = [ "no" "on-success" "on-failure" "on-abnormal" "on-abort" "always" ];
      }) { };
      scriptArgs = option types.str "";
      restartIfChanged = option types.bool true;
      reloadIfChanged = option types.bool false;
      stopIfChanged = option types.bool true;
      notSocketActivated = option types.bool false;
      startAt = mkOption {
        type = types.either types.str (types.listOf types.str);
        default = [ ];
        apply = lib.toList;
      };
    }
    // lib.listToAttrs (map (s: lib.nameValuePair s.from (option types.lines "")) scripts);

    config = {
      path = lib.mkAfter [ pkgs.coreutils pkgs.findutils pkgs.gnugrep pkgs.gnused pkgs.systemd ];
      environment.PATH = "${lib.makeBinPath config.path}:${lib.makeSearchPathOutput "bin" "sbin" config.path}";
      serviceConfig = lib.mkMerge (
        map (s: lib.mkIf (config.${s.from} != "") {
          ${s.to} =
            let
              file = pkgs.writeShellScript "unit-script-${name}-${s.ending}" "set -e\n\n${config.${s.from}}\n";
            in
            if s.from == "script" then "${file} ${config.scriptArgs}"
            else if lib.elem s.from [ "preStart" "postStart" ] then [ file ]
            else file;
        }) scripts
      );
    };
  };

  environment = vars: lib.concatStrings (
    lib.mapAttrsToList (n: v: lib.optionalString (v != null) "Environment=${builtins.toJSON "${n}=${v}"}\n") vars
  );
  changes = s:
    lib.optionalString s.reloadIfChanged "X-ReloadIfChanged=true\n"
    + lib.optionalString (!s.reloadIfChanged && !s.restartIfChanged) "X-RestartIfChanged=false\n"
    + lib.optionalString (!s.stopIfChanged) "X-StopIfChanged=false\n"
    + lib.optionalString s.notSocketActivated "X-NotSocketActivated=true\n";

  text = own: u: "[Unit]\n${unit.lines u.unitConfig}\n${own u}";
  serviceText = text (s: "[Service]\n${environment s.environment}${changes s}${unit.lines s.serviceConfig}");
  socketText = text (s: "[Socket]\n${unit.lines s.socketConfig}"
    + lib.concatMapStrings (l: "ListenStream=${l}\n") s.listenStreams
    + lib.concatMapStrings (l: "ListenDatagram=${l}\n") s.listenDatagrams);

  folder = "/etc/systemd/system";
  files = toText: u:
    let
      dropin = u.overrideStrategy == "asDropin" || lib.hasPrefix "systemd-" u.name;
      path = if dropin then "${u.name}.d/overrides.conf" else u.name;
      link = kind: other: lib.nameValuePair "${folder}/${other}.${kind}/${u.name}" { symlink = "../${u.name}"; };
      links = lib.concatLists (lib.mapAttrsToList (n: kind: map (link kind) u.${n}) reverse);
      aliases = map (a: lib.nameValuePair "${folder}/${a}" { symlink = u.name; }) u.aliases;
    in
    lib.listToAttrs (
      [
        (lib.nameValuePair "${folder}/${path}" (
          if u.enable then { text = builtins.unsafeDiscardStringContext (toText u); } else { symlink = "/dev/null"; }
        ))
      ]
      ++ links
      ++ aliases
    );
  all = toText: units: map (files toText) (lib.attrValues units);

  units = kind: suffix: own: option (types.attrsOf (types.submodule [ (common suffix) own ])) { };
  sectionOnly = kind: { options."${kind}Config" = option (types.attrsOf unit.value) { }; };

  online = "network-online.target";
  onlineWarning = u: lib.optional (
    lib.elem online u.after && !lib.elem online (u.wants ++ u.requires ++ u.bindsTo)
  ) "${u.name} is ordered after '${online}' but doesn't depend on it";
  restartWarning = s: lib.optional (
    s.serviceConfig.Type or "" == "oneshot" && lib.elem (s.serviceConfig.Restart or "no") [ "always" "on-success" ]
  ) "Service '${s.name}' with 'Type=oneshot' cannot have 'Restart=always' or 'Restart=on-success'";
in
{
  options.systemd = {
    services = units "service" "service" service;
    sockets = units "socket" "socket" {
      options = {
        listenStreams = option (types.listOf types.str) [ ];
        listenDatagrams = option (types.listOf types.str) [ ];
        socketConfig = option (types.attrsOf unit.value) { };
      };
    };
    timers = units "timer" "timer" (sectionOnly "timer");
    paths = units "path" "path" (sectionOnly "path");
  };

  config = {
    systemd.timers = lib.mapAttrs (_: s: {
      wantedBy = [ "timers.target" ];
      timerConfig.OnCalendar = s.startAt;
    }) (lib.filterAttrs (_: s: s.enable && s.startAt != [ ]) cfg.services);

    rendered = lib.mkMerge (
      all serviceText cfg.services
      ++ all socketText cfg.sockets
      ++ all (text (t: "[Timer]\n${unit.lines t.timerConfig}")) cfg.timers
      ++ all (text (p: "[Path]\n${unit.lines p.pathConfig}")) cfg.paths
    );

    warnings = lib.concatMap (s: onlineWarning s ++ restartWarning s) (lib.attrValues cfg.services);
  };
}
