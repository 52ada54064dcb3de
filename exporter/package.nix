# network-metrics-exporter, from this checkout. Tests that need a kernel's network
# namespaces run with `make test`, not in the build's sandbox.
{
  lib,
  stdenv,
  buildGoModule,
  buildGo126Module ? buildGoModule,
  installShellFiles,
  versionCheckHook,
}:
buildGo126Module (finalAttrs: {
  pname = "network-metrics-exporter";
  version = "0.1.0";

  # The lab is in it for the programs' sake that share these dependencies.
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.difference (lib.fileset.unions [
      ../go.mod
      ../go.sum
      ../exporter
      ../tests/lab
      ../docs/metrics.md # which tests compare with the code
      ../docs/config.example.yml
      ../docs/api.md
    ]) (lib.fileset.fileFilter (file: file.hasExt "nix") ../.);
  };
  vendorHash = "sha256-TiAp4IHKNIrvjBRkhldL/cWM53Bj1K5ZG2tF0c2OmYA="; # TestVendorHash in tests/module says which

  subPackages = [ "exporter" ];
  env.CGO_ENABLED = 0;
  ldflags = [
    "-X github.com/prometheus/common/version.Version=${finalAttrs.version}"
  ];

  nativeBuildInputs = [ installShellFiles ];

  # Go names a program after its folder.
  postInstall = ''
    mv $out/bin/exporter $out/bin/network-metrics-exporter
  ''
  + lib.optionalString (stdenv.buildPlatform.canExecute stdenv.hostPlatform) ''
    $out/bin/network-metrics-exporter --help-man > network-metrics-exporter.1
    installManPage network-metrics-exporter.1
  '';

  checkPhase = ''
    runHook preCheck
    go test ./exporter/internal/{collector,config,oui,registry,state,web}
    runHook postCheck
  '';

  nativeInstallCheckInputs = [ versionCheckHook ];
  versionCheckProgramArg = "--version";
  doInstallCheck = true;

  meta = {
    description = "Per-client network metrics of a Linux router for Prometheus";
    license = lib.licenses.mit;
    platforms = lib.platforms.linux;
    mainProgram = "network-metrics-exporter";
  };
})
