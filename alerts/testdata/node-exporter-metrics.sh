#!/bin/sh
# Prints the names of the metrics that Debian's node exporter offers with its
# default collectors, one a line. To refresh the list, on Debian:
#
#   PATH="$PATH:$(tests/tools.sh --path prometheus-node-exporter)" \
#     unshare -rn alerts/testdata/node-exporter-metrics.sh >alerts/testdata/node-exporter-metrics.txt
#
# A second run shows a made-up sensor to it: virtual machines have none.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/class/hwmon/hwmon0" "$folder/class/thermal/thermal_zone0"
echo coretemp >"$folder/class/hwmon/hwmon0/name"
echo 45000 | tee "$folder/class/hwmon/hwmon0/temp1_input" >"$folder/class/thermal/thermal_zone0/temp"
echo acpitz >"$folder/class/thermal/thermal_zone0/type"
echo step_wise >"$folder/class/thermal/thermal_zone0/policy"

# A neighbour, so that there is one to count.
ip link set lo up
ip link add veth0 type veth peer name veth1
ip addr add 192.0.2.1/24 dev veth0
ip link set veth0 up
ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:01 dev veth0

names() {
	prometheus-node-exporter --web.listen-address=127.0.0.1:9100 "$@" 2>/dev/null &
	curl --silent --retry 20 --retry-connrefused --retry-delay 1 --max-time 30 http://127.0.0.1:9100/metrics |
		sed -n 's/^# TYPE \(node_[^ ]*\) .*/\1/p'
	kill $!
	wait $! || true
}

{
	names
	names --path.sysfs="$folder"
} | LC_ALL=C sort -u
