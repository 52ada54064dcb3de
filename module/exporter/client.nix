# One entry of staticClients.
{ lib, name, ... }:
let
  inherit (lib) mkOption types;
  isAddress = lib.hasInfix ":" name || builtins.match "[0-9.]+" name != null;
  oneOrMore = types.coercedTo (types.nullOr types.str) (v: lib.optional (v != null) v) (
    types.listOf types.str
  );
in
{
  imports = [
    # as the earlier exporter called them
    (lib.mkAliasOptionModule [ "hostname" ] [ "name" ])
    (lib.mkAliasOptionModule [ "deviceType" ] [ "type" ])
  ];

  options = {
    name = mkOption {
      type = types.str;
      default = name;
      defaultText = lib.literalMD "the attribute's name";
      example = "living room TV";
      description = "What the client is called.";
    };
    ip = mkOption {
      type = oneOrMore;
      default = lib.optional isAddress name;
      defaultText = lib.literalMD "the attribute's name, if that is an address";
      example = "192.168.1.105";
      description = "Its address, or a list of them, IPv4 and IPv6.";
    };
    mac = mkOption {
      type = oneOrMore;
      default = [ ];
      example = [
        "02:00:00:00:00:01"
        "02:00:00:00:00:02"
      ];
      description = "Its MAC address, or a list of them: Wi-Fi and cable.";
    };
    type = mkOption {
      type = types.str;
      default = "";
      example = "tv";
      description = "What it is, in words of your own.";
    };
    quota = mkOption {
      type = types.nullOr (types.submodule {
        options = {
          bytes = mkOption {
            type = types.either types.ints.positive types.str;
            example = "500GB";
            description = "What it may use between two billing days, received and sent. kB, MB, GB, TB count by 1000, KiB, MiB, GiB, TiB by 1024.";
          };
          billingDay = mkOption {
            type = types.nullOr (types.ints.between 1 31);
            default = null;
            description = "Day of the month on which counting starts anew; `null` for the household's.";
          };
        };
      });
      default = null;
      description = "How much it may use. Nothing is blocked: alerts and dashboards tell.";
    };
  };
}
