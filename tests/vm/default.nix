# The VM tests as derivations for `nix flake check`. A test is two files: NAME.nix
# says what the machines are, NAME.py what has to hold. The same scripts run on
# Debian's VMs where there is no Nix: `make vm-test`.
{ pkgs }:
let
  inherit (pkgs) lib;
  names = [
    "appliance"
    "kea"
    "metrics"
    "networkd"
    "persistence"
  ];
  script = name: ''
    SCALE = 1.0  # of the load profile
    ${builtins.readFile ./helpers.py}
    ${builtins.readFile (./. + "/${name}.py")}
  '';
  test =
    name:
    pkgs.testers.runNixOSTest {
      imports = [ (./. + "/${name}.nix") ];
      inherit name;
      testScript = script name;
      # One script has to suit two drivers, of which only one brings its types.
      skipTypeCheck = true;
      globalTimeout = 1800;
    };
in
lib.listToAttrs (
  map (name: {
    name = "vm-${name}";
    value = test name;
  }) names
)
