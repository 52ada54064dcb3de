# systemd's files: the types of their values as NixOS has them, and their text.
{ lib }:
let
  inherit (lib) types;
in
rec {
  # Lists from several modules are joined, other values have to be equal.
  value = lib.mkOptionType {
    name = "systemd option";
    merge = loc: definitions:
      let
        values = map (d: d.value) definitions;
      in
      if lib.any lib.isList values then
        lib.concatMap lib.toList values
      else
        lib.mergeEqualOption loc definitions;
  };

  # A section is checked for its names ([ ] for any) and for some of its values,
  # before priorities are resolved. NixOS says on the trace what is wrong, and in
  # the error only where; so it is here.
  section = name: keys: allowed:
    let
      plain = v: if lib.elem (v._type or "") [ "override" "if" ] then plain v.content else v;
      unknown = attrs: lib.subtractLists keys (lib.attrNames attrs);
      wrong = attrs: lib.filterAttrs (n: v: allowed ? ${n} && !lib.elem (plain v) allowed.${n}) attrs;
      complaints = attrs:
        lib.optional (keys != [ ] && unknown attrs != [ ]) "extra fields [${toString (unknown attrs)}]"
        ++ map (n: "field `${n}' cannot have that value") (lib.attrNames (wrong attrs));
      says = list: lib.concatMapStringsSep "\n" (c: "Systemd ${name}: ${c}.") list;
    in
    types.addCheck (types.attrsOf value) (
      attrs: complaints attrs == [ ] || builtins.trace (says (complaints attrs)) false
    );

  bools = [ true false "yes" "no" ];

  lines = attrs:
    let
      text = v: if lib.isBool v then lib.boolToString v else toString v;
      line = name: v: "${name}=${text v}\n";
    in
    lib.concatStrings (lib.concatLists (lib.mapAttrsToList (n: v: map (line n) (lib.toList v)) attrs));

  # nothing for an empty section
  render = name: attrs: lib.optionalString (attrs != { }) "[${name}]\n${lines attrs}\n";
}
