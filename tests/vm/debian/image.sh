#!/usr/bin/env bash
# Builds what the VMs boot: a disk with Debian 13, its kernel and Debian 12's, from the
# mirror in the apt sources of this machine. Nothing of our tests is inside, so it is built
# once; a change of this folder's image.sh, furnish.sh, vmlinux.py or image/, or of
# the apt sources, builds it anew, and so does `make clean` to get newer packages.
#
#   tests/vm/debian/image.sh     prints the folder with root.ext4 and one vmlinux-* for each kernel
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=$(cd "$here/../../.." && pwd)/.cache/vm

packages=(
	systemd systemd-sysv udev dbus kmod iproute2 procps
	nftables conntrack dnsmasq-base kea-dhcp4-server busybox udhcpc
	prometheus prometheus-alertmanager prometheus-node-exporter
	curl jq netcat-openbsd iputils-ping ethtool wireguard-tools python3 ieee-data
)

fail() {
	echo "$*" >&2
	exit 1
}

# The files in which Debian's installer and its images name the mirror. Others'
# sources, in files of their own, are of no use to the image.
sources=()
for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do
	if [ -s "$file" ]; then sources+=("$file"); fi
done
[ ${#sources[@]} -gt 0 ] || fail "neither /etc/apt/sources.list nor /etc/apt/sources.list.d/debian.sources names a Debian mirror"

made_of() {
	cd "$here"
	find image.sh furnish.sh vmlinux.py image -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
	cat "${sources[@]}"
}

# Debian 13, whatever this machine has: older releases of systemd-networkd keep no
# file of the leases that it gives. Of the older suite only the kernel is taken.
suite=trixie
older_suite=bookworm
sources_of_suite() {
	local codename file
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	mkdir "$2/$1"
	for file in "${sources[@]}"; do
		sed "s/\\b$codename\\b/$1/g" "$file" >"$2/$1/${file##*/}"
		echo "$2/$1/${file##*/}"
	done
}

# mmdebstrap takes the keys of this machine's apt, but not its proxy.
apt_options() {
	apt-config dump | grep -E '^Acquire::(http|https|Check-|Retries)' || true
}

# The root folder never leaves mmdebstrap, whose hook makes the disk of it.
build() {
	local from
	mapfile -t from < <(sources_of_suite "$suite" "$1")
	sources_of_suite "$older_suite" "$1" >/dev/null
	apt_options >"$1/apt.conf"
	mmdebstrap --variant=essential --mode=root --format=null \
		--aptopt="$1/apt.conf" --aptopt='APT::Install-Recommends "false"' \
		--dpkgopt=force-unsafe-io \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/javascript/*' \
		--include="$(IFS=, && echo "${packages[*]}")" \
		--customize-hook="'$here/furnish.sh' \"\$1\" '$1' '$1/$older_suite'" \
		'' - "${from[@]}" >/dev/null 2>"$1/log" || {
		tail -n 30 "$1/log" >&2
		fail "could not build the Debian image, see above"
	}
}

image=$cache/image-$(made_of | sha256sum | cut -c1-16)
mkdir -p "$cache"
exec 9>"$cache/image.lock"
flock 9
if [ ! -d "$image" ]; then
	[ "$(id -u)" = 0 ] || fail "only root can build the Debian image of the VM tests: run this once as root"
	echo "building the Debian image in ${cache#"$PWD"/} (about a minute)" >&2
	rm -rf "$cache"/image-*
	mkdir "$cache/image-new"
	build "$cache/image-new"
	mv "$cache/image-new" "$image"
fi
echo "$image"
