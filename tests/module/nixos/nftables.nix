# Stands for nixos/modules/services/networking/nftables.nix, without the check of the
# ruleset at build time: tests check it.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  cfg = config.networking.nftables;

  table = { name, ... }: {
    options = {
      enable = option types.bool true;
      name = mkOption { type = types.str; };
      content = mkOption { type = types.lines; };
      family = mkOption { type = types.enum [ "ip" "ip6" "inet" "arp" "bridge" "netdev" ]; };
    };
    config.name = lib.mkDefault name;
  };
  tables = lib.filter (t: t.enable) (lib.attrValues cfg.tables);
  each = f: lib.concatMapStrings f tables;

  # Deleting a table fails if it is not there, so it is made before.
  deletions = pkgs.writeScript "nftables-deletions" ''
    ${
      if cfg.flushRuleset then "flush ruleset"
      else each (t: "table ${t.family} ${t.name}\ndelete table ${t.family} ${t.name}\n")
    }
    ${cfg.extraDeletions}
  '';
  saved = "/var/lib/nftables/deletions.nft";
  rules = pkgs.writeScript "nftables-rules" ''
    #! ${lib.getExe pkgs.nftables} -f
    include "${saved}"
    include "${deletions}"
    ${each (t: "table ${t.family} ${t.name} {\n${t.content}\n}\n")}
    ${cfg.ruleset}
    ${lib.optionalString (cfg.rulesetFile != null) ''include "${cfg.rulesetFile}"''}
  '';
  step = name: pkgs.writeShellScript "nftables-${name}";
  ensure = step "ensure-deletions" "touch ${saved}\n";
  save = step "save-deletions" "cp ${deletions} ${saved}\n";
in
{
  options.networking.nftables = {
    enable = option types.bool false;
    checkRuleset = option types.bool true;
    preCheckRuleset = option types.lines "";
    flushRuleset = option types.bool false;
    extraDeletions = option types.lines "";
    ruleset = option types.lines "";
    rulesetFile = option (types.nullOr types.path) null;
    tables = option (types.attrsOf (types.submodule table)) { };
  };

  config = lib.mkIf cfg.enable {
    boot.blacklistedKernelModules = [ "ip_tables" ];
    environment.systemPackages = [ pkgs.nftables ];
    networking.nftables.flushRuleset = lib.mkDefault (cfg.ruleset != "" || cfg.rulesetFile != null);

    systemd.services.nftables = {
      description = "nftables firewall";
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-pre.target" "sysinit.target" ];
      after = [ "sysinit.target" ];
      before = [ "network-pre.target" "shutdown.target" ];
      conflicts = [ "shutdown.target" ];
      reloadIfChanged = true;
      unitConfig.DefaultDependencies = false;
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        StateDirectory = "nftables";
        ExecStart = [ ensure rules ];
        ExecStartPost = save;
        ExecReload = [ ensure rules save ];
        ExecStop = [
          "${lib.getExe pkgs.nftables} -f ${saved}"
          (step "cleanup-deletions" "rm ${saved}\n")
        ];
      };
    };
  };
}
