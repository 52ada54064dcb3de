# Assembles the Grafana dashboards from their parts, with nothing but builtins:
#
#   nix-instantiate --eval --strict --json dashboards/default.nix -A router
#
# A part is one section: a title, an id that its panels' ids follow, and panels
# with a width and a height; where they stand is computed here. Leave sections
# out, put them in another order, or add parts of your own:
#
#   import ./dashboards { sections = [ "now" "clients" { title = "DNS"; id = 1000; panels = [ … ]; } ]; }
{
  sections ? [ "now" "clients" "presence" "month" "internet" "interfaces" "system" ],
  clientSections ? [ "now" "traffic" "month" "presence" ],
  refresh ? "30s",
  # { text = NAME; value = UID; } of the data source to show first, else Grafana's default
  firstDatasource ? { },
}:
let
  inherit (builtins) elemAt foldl' fromJSON genList isAttrs isString length mapAttrs readFile removeAttrs;

  json = path: fromJSON (readFile path);
  imap = f: list: genList (i: f i (elemAt list i)) (length list);
  merge = a: b: a // mapAttrs (name: value:
    if isAttrs value && isAttrs (a.${name} or null) then merge a.${name} value else value) b;

  defaults = json ./defaults.json;
  datasource = { type = "prometheus"; uid = "\${datasource}"; };
  refIds = [ "A" "B" "C" "D" "E" "F" "G" "H" ];

  dashboard = folder: chosen:
    let
      own = json (folder + "/dashboard.json");
      queries = import ./queries.nix { inherit (own) named; };

      target = i: t:
        { inherit datasource; refId = elemAt refIds i; editorMode = "code"; range = !(t.instant or false); }
        // removeAttrs t queries.keys
        // { expr = queries.of t; };

      panel = id: gridPos: p:
        merge (merge defaults.panel (defaults.${p.type} or { })) (removeAttrs p [ "w" "h" ])
        // { inherit id gridPos; }
        // (if p ? targets then { inherit datasource; targets = imap target p.targets; } else { });

      row = part: y: {
        type = "row";
        inherit (part) title id;
        collapsed = false;
        panels = [ ];
        gridPos = { x = 0; inherit y; w = 24; h = 1; };
      };

      # Panels run from left to right and wrap at 24 columns. Ids count from the
      # section's own, so that links to a panel survive another choice of sections.
      place = s: p:
        let
          wrap = s.x + p.w > 24;
          x = if wrap then 0 else s.x;
          y = if wrap then s.y + s.tallest else s.y;
        in s // {
          inherit y;
          x = x + p.w;
          tallest = if wrap || p.h > s.tallest then p.h else s.tallest;
          id = s.id + 1;
          panels = s.panels ++ [ (panel s.id { inherit x y; inherit (p) w h; } p) ];
        };

      section = s: part:
        let y = s.y + s.tallest; in
        foldl' place (s // {
          x = 0;
          y = y + 1;
          tallest = 0;
          id = part.id + 1;
          panels = s.panels ++ [ (row part y) ];
        }) part.panels;

      variable = v:
        if v.type or "" == "datasource" then v // { current = firstDatasource; }
        else if v ? type then v
        else defaults.variable // v // {
          inherit datasource;
          query = { inherit (v) query; refId = v.name; };
          definition = v.query;
          current = if v.includeAll or false then { text = [ "All" ]; value = [ "$__all" ]; } else { };
        };

      part = s: if isAttrs s then s else json (folder + "/${s}.json");
      top = { x = 0; y = 0; tallest = 0; id = 0; panels = [ ]; };
      annotation = a: let expr = queries.of a; in
        a // { inherit datasource expr; target = { inherit expr; refId = "Anno"; interval = a.step; }; };
    in
    merge defaults.dashboard (removeAttrs own [ "named" "variables" ])
    // {
      inherit refresh;
      annotations.list = map annotation defaults.annotations;
      templating.list = map (v: variable (if isString v then defaults.variables.${v} else v)) own.variables;
      inherit (foldl' section top (map part chosen)) panels;
    };

  # All sections there are. Those that are not chosen above need a service that not
  # every router has, or a part of the exporter that is off by default.
  everySection = [
    "now" "clients" "presence" "month" "internet" "wan-probes" "speedtest" "qos" "qos-cake"
    "ports" "dhcp" "dns-unbound" "dns-dnsmasq" "dns-blocky" "dns-adguard" "interfaces" "system"
  ];
in
{
  router = dashboard ./router sections;
  router-full = dashboard ./router everySection;
  client = dashboard ./client clientSections;
}
