{
  description = "Per-client network monitoring for Linux routers: exporter, dashboards, alerts and a NixOS module";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      forEachSystem =
        f:
        lib.genAttrs [
          "x86_64-linux"
          "aarch64-linux"
        ] (system: f (nixpkgs.legacyPackages.${system}.extend self.overlays.default));
    in
    {
      overlays.default = final: _: {
        network-metrics-exporter = final.callPackage ./exporter/package.nix { };
        router-monitoring-lab = final.callPackage ./tests/lab/package.nix { };
        router-monitoring-dashboards = final.callPackage ./dashboards/package.nix { };
        router-monitoring-alerts = final.callPackage ./alerts/package.nix { };
      };

      packages = forEachSystem (pkgs: {
        default = pkgs.network-metrics-exporter;
        inherit (pkgs) network-metrics-exporter;
        dashboards = pkgs.router-monitoring-dashboards;
        alerts = pkgs.router-monitoring-alerts;
        lab = pkgs.router-monitoring-lab;
      });

      nixosModules = {
        default = ./module;
        network-metrics-exporter = ./module/exporter;
      };

      checks = forEachSystem (
        pkgs:
        {
          package = pkgs.network-metrics-exporter;
          dashboards = pkgs.router-monitoring-dashboards;
          alerts = pkgs.router-monitoring-alerts;
        }
        // import ./tests/module/nixos-checks.nix { inherit pkgs nixpkgs; }
        // import ./tests/vm { inherit pkgs; }
      );

      apps = forEachSystem (pkgs: {
        default = {
          type = "app";
          program = lib.getExe pkgs.network-metrics-exporter;
          meta.description = "Count what every client of this router sends and receives";
        };
        demo = {
          type = "app";
          program = lib.getExe (pkgs.callPackage ./tests/lab/demo.nix { });
          meta.description = "A router with 25 busy clients, live, in network namespaces";
        };
      });

      devShells = forEachSystem (pkgs: {
        default = import ./tests/shell.nix { inherit pkgs; };
      });

      formatter = forEachSystem (pkgs: pkgs.nixfmt-tree);
    };
}
