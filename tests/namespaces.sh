#!/bin/sh
# Prints what must stand before a command that makes network namespaces:
# nothing for root, a user namespace for an ordinary user, or else sudo.
# Needs nft on the PATH.
set -eu

fail() {
	echo "$*" >&2
	exit 1
}

# works tells whether nftables can be used in a namespace made by this prefix.
# Making the namespace alone shows too little: Ubuntu's AppArmor grants it to
# an ordinary user, but no rights within it.
works() {
	"$@" unshare --net nft add table probe 2>/dev/null
}

command -v nft >/dev/null || fail "nft is not on the PATH; tests/tools.sh --path nft tells where there is one"
if [ "$(id -u)" = 0 ]; then
	works || fail "root may not make network namespaces here; start the container with --privileged"
elif works unshare --map-root-user; then
	echo unshare --map-root-user
else
	command -v sudo >/dev/null ||
		fail "user namespaces are forbidden here and there is no sudo; run this as root"
	echo "user namespaces are forbidden here; sudo runs what needs a namespace" >&2
	echo "sudo env PATH=$PATH NIXPKGS_LIB=${NIXPKGS_LIB-}"
fi
