#!/bin/sh
# Makes the programs named as arguments available to tests and to the demo
# without installing anything. One that the machine has is used; another is
# unpacked from the distribution's package into .cache/tools of the checkout, or,
# where Debian has none, built there by Go. No package script runs, so no service
# comes to be, and no root is needed.
#
#   tests/tools.sh nft prometheus                         says where each one is
#   PATH="$PATH:$(tests/tools.sh --path nft prometheus)"  makes them callable
set -eu

checkout=$(cd "$(dirname "$0")/.." && pwd)
cache=$checkout/.cache/tools
apt=$cache/apt

# Where programs are looked for after the caller's own PATH: an ordinary
# user's PATH often lacks the sbin folders.
search_path=/usr/local/sbin:/usr/sbin:/sbin:$cache/bin

# package_of prints the Debian package that ships a program.
package_of() {
	case $1 in
	nft) echo nftables ;;
	prometheus | promtool) echo prometheus ;;
	prometheus-alertmanager | amtool) echo prometheus-alertmanager ;;
	prometheus-node-exporter) echo prometheus-node-exporter ;;
	busybox) echo busybox ;;
	dnsmasq) echo dnsmasq-base ;;
	kea-dhcp4 | kea-lfc) echo kea-dhcp4-server ;;
	kea-dhcp6) echo kea-dhcp6-server ;;
	dhcpd) echo isc-dhcp-server ;;
	dhclient) echo isc-dhcp-client ;;
	conntrack) echo conntrack ;;
	iptables-nft | ip6tables-nft) echo iptables ;;
	miniupnpd) echo miniupnpd-nftables ;;
	upnpc) echo miniupnpc ;;
	natpmpc) echo natpmpc ;;
	nix | nix-instantiate) echo nix-bin ;;
	unbound | unbound-control) echo unbound ;;
	*) fail "$1: no package is known for it; add it to package_of in tests/tools.sh" ;;
	esac
}

# module_of prints the Go module of a program that Debian does not ship.
module_of() {
	case $1 in
	AdGuardHome) echo github.com/AdguardTeam/AdGuardHome@v0.108.0-b.90 ;;
	blocky) echo github.com/0xERR0R/blocky@v0.28.2 ;;
	dnsmasq_exporter) echo github.com/google/dnsmasq_exporter@v0.3.0 ;;
	json_exporter) echo github.com/prometheus-community/json_exporter@v0.7.0 ;;
	speedtest_exporter) echo github.com/podocarp/speedtest_exporter@v1.0.0 ;;
	unbound_exporter) echo github.com/letsencrypt/unbound_exporter@v0.5.0 ;;
	esac
}

fail() {
	echo "$*" >&2
	exit 1
}

find_tool() {
	PATH=$PATH:$search_path command -v "$1"
}

# apt_setup gives apt lists and a cache of our own, so that it works for an
# ordinary user and where the machine's lists are empty, as in containers.
# Proxy and sources stay the machine's. Hooks are left out: they would act on
# the machine after an update.
apt_setup() {
	mkdir -p "$apt/lists/partial" "$apt/archives/partial"
	apt-config dump | grep -v -e Invoke -e DEP-11 >"$apt/conf"
	cat >>"$apt/conf" <<-EOT
		Dir::Etc::main "/dev/null";
		Dir::Etc::parts "/dev/null";
		Dir::State::lists "$apt/lists";
		Dir::Cache "$apt";
		Dir::Cache::pkgcache "pkgcache.bin";
		Acquire::Languages "none";
		Acquire::GzipIndexes "false";
		APT::Sandbox::User "root";
	EOT
	export APT_CONFIG="$apt/conf"
	# A source that does not answer is no harm unless a download needs it.
	apt-get -q update >"$apt/log" 2>&1 || true
}

# needed prints which packages must be unpacked beside one: those with shared
# libraries that installing it would bring, which Kea has in kea-common, and
# promtool, which since Debian 13 is apart from prometheus. That leaves out prometheus' 218 MB of JavaScript and
# fonts, and libc, which must match the machine's loader.
needed() {
	apt-get -s install --no-install-recommends "$1" 2>>"$apt/log" |
		awk '$1 == "Inst" && $2 ~ /^(lib|kea-common$|promtool$)/ && $2 !~ /^lib(js-|c6$|c-)|perl/ { print $2 }'
}

download() {
	# shellcheck disable=SC2046 # a list of names
	(cd "$2" && apt-get -q download "$1" $(needed "$1")) >>"$apt/log" 2>&1
}

# unpack puts a package and what it needs into a folder that appears only when
# it is complete.
unpack() {
	new=$cache/unpacking
	rm -rf "$new"
	mkdir -p "$new/debs" "$new/root" "$cache/root"
	download "$1" "$new/debs" || {
		cat "$apt/log" >&2
		fail "$1: could not fetch this package, see above; mend that or install it yourself"
	}
	for deb in "$new/debs"/*.deb; do
		dpkg-deb -x "$deb" "$new/root"
	done
	mv "$new/root" "$cache/root/$1"
	rm -rf "$new"
}

# within prints what lets a program find its files: for those below /usr/share, in
# a mount namespace of its own, its package's folder lies over the machine's.
within() {
	case $1 in
	*tables-nft) echo "env XTABLES_LIBDIR=\"\$tools/$(cd "$cache" && find "root/$2" -type d -name xtables)\"" ;;
	prometheus-alertmanager) # its templates
		echo "unshare --mount sh -c 'mount --bind \"\$0\" /usr/share && exec \"\$@\"' \"\$tools/root/$2/usr/share\"" ;;
	esac
}

# wrap writes the script that starts a program of an unpacked package with the
# libraries unpacked beside it. Its paths are relative to itself, so that the
# checkout can be moved.
wrap() {
	program=$(cd "$cache" && find "root/$2" -path "*bin/$1" ! -type d | head -n 1)
	[ "$program" ] || fail "$1: not in Debian's package $2"
	libraries=$(cd "$cache" && find "root/$2" -name 'lib*.so*' -printf "\$tools/%h\n" |
		sort -u | paste -sd :)
	mkdir -p "$cache/bin"
	cat >"$cache/wrapper" <<-EOT
		#!/bin/sh
		tools=\${0%/*}/..
		export LD_LIBRARY_PATH="$libraries"
		exec $(within "$1" "$2") "\$tools/$program" "\$@"
	EOT
	chmod +x "$cache/wrapper"
	mv "$cache/wrapper" "$cache/bin/$1"
}

# build builds a Go program, which needs nothing beside it.
build() {
	mkdir -p "$cache/bin"
	go_build "$1" "$2" >"$cache/go.log" 2>&1 || {
		cat "$cache/go.log" >&2
		fail "$1: could not build $2, see above; mend that or install it yourself"
	}
	echo "$1: built from $2 into .cache/tools (nothing is installed)" >&2
}

go_build() {
	export CGO_ENABLED=0
	case $1 in
	speedtest_exporter) # a fork under its origin's name, which go install refuses
		found=$(cd / && go mod download -json "$2") || { echo "$found" && return 1; }
		go build -C "$(echo "$found" | sed -n 's/.*"Dir": "\(.*\)",/\1/p')" -o "$cache/bin/$1" "./cmd/$1" ;;
	*) GOBIN=$cache/bin go install "$2" ;;
	esac
}

# fetch looks again first: another run may have fetched the tool while this
# one waited for the lock.
fetch() {
	find_tool "$1" >/dev/null && return
	module=$(module_of "$1")
	if [ "$module" ]; then
		build "$1" "$module"
		return
	fi
	package=$(package_of "$1")
	if [ ! -d "$cache/root/$package" ]; then
		[ "${APT_CONFIG-}" = "$apt/conf" ] || apt_setup
		unpack "$package"
	fi
	wrap "$1" "$package"
	echo "$1: unpacked from Debian's package $package into .cache/tools (nothing is installed)" >&2
}

fetch_all() {
	for tool; do
		[ "$(module_of "$tool")" ] || command -v apt-get >/dev/null ||
			fail "not found: $tool. Install it with your package manager, or use 'nix develop'"
	done
	mkdir -p "$cache"
	[ -w "$cache" ] || fail "cannot write $cache: it belongs to another user; remove it"
	exec 9>"$cache/lock"
	flock 9
	for tool; do
		fetch "$tool"
	done
	exec 9>&-
}

only_path=
if [ "${1-}" = --path ]; then
	only_path=yes
	shift
fi

missing=
for tool; do
	find_tool "$tool" >/dev/null || missing="$missing $tool"
done
# shellcheck disable=SC2086 # a list of names
[ -z "$missing" ] || fetch_all $missing

if [ "$only_path" ]; then
	echo "$search_path"
else
	for tool; do
		echo "$tool: $(find_tool "$tool")"
	done
fi
