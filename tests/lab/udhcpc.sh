#!/bin/sh
# Called by udhcpc whenever something becomes of a client's lease.
set -eu

case $1 in
deconfig)
	busybox ip -4 addr flush dev "$interface"
	;;
bound | renew)
	busybox ip addr replace "$ip/$mask" dev "$interface"
	[ -z "${router-}" ] || busybox ip route replace default via "${router%% *}" dev "$interface"
	;;
esac
