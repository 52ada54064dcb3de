# The PromQL that panels of single clients share. A part writes
#
#   { "perClient": "8 * rate(network_client_rx_bytes_total{$clients}[$__rate_interval])" }
#
# and gets one series for each client, whatever it was called and whichever
# address it had in the meantime, with the labels
#
#   client     its MAC, or its address where it has none; rows of tables are joined by it
#   hostname   unless names = false
{ named }: # the matcher for the clients that are chosen by name
let
  inherit (builtins) replaceStrings toString;

  # A client is its MAC, or its address where it has none. The label ip stays: its
  # series of before and after a change of address would be the same without it,
  # which Prometheus rejects.
  identify = series: ''label_replace(label_replace(${series}, "client", "$1", "ip", "(.*)"), "client", "$1", "mac", "(.+)")'';

  # Which clients' series are read. A hidden variable holds the MACs that a graph
  # shows: so a day of 250 clients costs no more than one of 25.
  selections = {
    shown = { matchers = ''mac=~"''${mac:pipe}",router=~"$router"''; reach = "6h"; };
    talkers = { matchers = ''mac=~"''${talkers:pipe}",router=~"$router"''; reach = "6h"; };
    all = { matchers = ''router=~"$router"''; reach = "1h"; };
  };

  # One name for each client, for all of the graph: the one it was last seen
  # with. Reaching back, it also names clients while the exporter is down.
  names = { matchers, reach }:
    let seen = ''last_over_time(network_client_last_seen_timestamp_seconds{${named},${matchers}}[${reach}] @ end())'';
    in ''group by (client, hostname) (topk by (client) (1, ${identify seen}))'';

  # by: how series of one client become one. top: only so many, the largest first.
  # names = false: for a column beside the one with names. orNaN: NaN for nothing.
  perClient = t@{ perClient, clients ? "shown", by ? "sum", top ? null, orNaN ? false, ... }:
    let
      selection = selections.${clients};
      series = replaceStrings [ "$clients" ] [ selection.matchers ] perClient;
      named = t.names or true;
      join = if named then "* on (client) group_left (hostname)" else "and on (client)";
      joined = "${by} by (client) (${identify series}) ${join} ${names selection}";
    in
    if top != null then "sort_desc(topk(${toString top}, ${joined}))"
    else if orNaN then "${joined} or on () vector(NaN)"
    else joined;

  # What is known of each device now; labels are the columns beside client.
  perDevice = { perDevice, labels ? "", ... }:
    let series = replaceStrings [ "$clients" ] [ "${named},router=~\"$router\"" ] perDevice;
    in ''max by (client${labels}) (${identify series})'';
in
{
  keys = [ "perClient" "perDevice" "clients" "by" "names" "top" "orNaN" "labels" ];
  of = target:
    if target ? perClient then perClient target
    else if target ? perDevice then perDevice target
    else replaceStrings [ "$named" ] [ named ] target.expr;
}
