# The rule files, checked and tested by promtool.
{
  lib,
  runCommand,
  prometheus,
}:
runCommand "router-monitoring-alerts"
  {
    nativeBuildInputs = [ prometheus.cli ];
    src = lib.fileset.toSource {
      root = ./.;
      fileset = lib.fileset.fileFilter (file: file.hasExt "yml") ./.;
    };
  }
  ''
    cd $src
    promtool check rules --lint-fatal *.rules.yml
    for test in *.test.yml; do promtool test rules "$test"; done
    install -Dm444 -t $out *.rules.yml
  ''
