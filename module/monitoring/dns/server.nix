# What watching a DNS server takes, whichever it is.
{ config, lib }:
let
  cfg = config.services.router-monitoring;
  option = name: "services.router-monitoring.dns.${name}";
in
{
  enable =
    {
      name,
      title ? name,
      default ? config.services.${name}.enable,
      defaultText ? lib.literalExpression "config.services.${name}.enable",
      more ? "",
    }:
    lib.mkOption {
      type = lib.types.bool;
      inherit default defaultText;
      example = false;
      description = "Watch the DNS server ${title} of this machine: queries, cache, answers that fail.${more}";
    };

  # What watching one server takes.
  watch =
    name: settings:
    lib.mkIf (cfg.enable && cfg.prometheus.enable && cfg.dns.${name}.enable) (
      lib.mkMerge [
        settings
        {
          assertions = [
            {
              assertion = config.services.${name}.enable;
              message = "${option name}.enable is set, but no such server runs here: enable services.${name}, or leave the option to its default.";
            }
          ];
        }
      ]
    );

  # It is asked as often as the node exporter.
  job = name: import ../job.nix name "15s" { router = cfg.routerName; };
}
