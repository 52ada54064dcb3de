#!/bin/sh
# Renders the dashboards into a folder: run.sh OUT RECORDING…. The recordings, of
# real services, are for the sections that need such. Needed are Go, Prometheus,
# Nix, Node.js with npm and Chromium; all that npm brings stays in .cache/preview.
set -eu

checkout=$(cd "$(dirname "$0")/../.." && pwd)
cache=$checkout/.cache/preview

fail() {
	echo "$*" >&2
	exit 1
}

command -v npm >/dev/null || fail "this needs Node.js 20 or newer with npm: apt-get install nodejs npm"
CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome) ||
	fail "this needs Chromium: apt-get install chromium"
export CHROMIUM

mkdir -p "$cache" "$1"
out=$(cd "$1" && pwd)
cp -R "$checkout/dashboards/preview/." "$cache"
cd "$cache"
if ! cmp -s package.json installed.json; then
	npm install --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error
	cp package.json installed.json
fi
npx vite build
cd "$checkout"
go run ./tests/dashboards/cmd/recorded-day \
	--rules=alerts/thresholds.rules.yml --rules=alerts/recording.rules.yml --rules=alerts/alerts.rules.yml \
	--only-for=dashboards/router.json --only-for=dashboards/client.json \
	-- node "$cache/pictures.mjs" dashboards "$out"

shift
services=$cache/services
mkdir -p "$services"
assemble() {
	nix-instantiate --eval --strict --json dashboards/default.nix -A router --arg sections "[ $2 ]" >"$services/$1.json"
}
dns='"dns-unbound" "dns-dnsmasq" "dns-blocky" "dns-adguard"'
assemble latency '"wan-probes"'
assemble speedtest '"speedtest"'
assemble shaping '"qos" "qos-cake"'
assemble ports-dhcp '"ports" "dhcp"'
assemble dns "$dns"
assemble services '"wan-probes" "speedtest" "qos" "qos-cake" "ports" "dhcp" '"$dns"
for recording; do
	set -- "$@" "--recording=$recording"
	shift
done
# VMs are slow: theirs are a scrape every four seconds or so.
SPAN=130s SCRAPE=4 exec go run ./tests/dashboards/cmd/recorded-day "$@" -- node "$cache/pictures.mjs" "$services" "$out"
