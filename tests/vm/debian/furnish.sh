#!/usr/bin/env bash
# mmdebstrap's hook: makes an unpacked Debian into an appliance that starts fast
# where every instruction is emulated, and writes it as disk and kernels.
#
#   furnish.sh ROOT OUT SOURCES     makes OUT/root.ext4 and an OUT/vmlinux-* for each
#                                   kernel, those of the apt sources in SOURCES too
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$1
out=$2
more_sources=$3

# What takes seconds under emulation and serves no test.
masked=(
	apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer
	getty.target systemd-ask-password-console.path systemd-ask-password-wall.path
	systemd-logind.service systemd-user-sessions.service systemd-timesyncd.service
	kmod-static-nodes.service systemd-network-generator.service
	systemd-hwdb-update.service ldconfig.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount
	systemd-pstore.service systemd-repart.service systemd-random-seed.service systemd-boot-system-token.service
	systemd-journal-flush.service systemd-journal-catalog-update.service
	systemd-update-utmp.service systemd-update-utmp-runlevel.service
	modprobe@configfs.service modprobe@dm_mod.service modprobe@drm.service modprobe@fuse.service modprobe@loop.service
	sys-fs-fuse-connections.mount sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount
	dev-hugepages.mount dev-mqueue.mount systemd-initctl.socket
)

# udev looks at each device with every rule. These name NICs, load drivers and
# tell systemd.
udev_rules=(50-udev-default 75-net-description 80-drivers 80-net-setup-link 99-systemd)

# Debian's packages have enabled their services; tests start none but their own.
set_up_units() {
	find "$root/etc/systemd/system" -name '*.wants' -exec rm -r {} +
	systemctl --quiet --root="$root" mask "${masked[@]}"
	systemctl --quiet --root="$root" enable systemd-networkd.service backdoor.service
	systemctl --quiet --root="$root" set-default multi-user.target
}

keep_udev_rules() {
	local rule
	for rule in "$root"/usr/lib/udev/rules.d/*.rules; do
		[[ " ${udev_rules[*]} " = *" $(basename "$rule" .rules) "* ]] || rm "$rule"
	done
	rm -f "$root"/usr/lib/udev/hwdb.bin "$root"/etc/udev/hwdb.bin
}

# NixOS knows no sbin: each package has all its programs in bin.
merge_sbin() {
	local program
	for program in "$root"/usr/sbin/*; do
		[ -e "$root/usr/bin/${program##*/}" ] || ln -s "../sbin/${program##*/}" "$root/usr/bin/"
	done
}

tidy() {
	rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/etc/init.d "$root"/etc/rc?.d
	: >"$root/etc/resolv.conf"
	sed -i 's/^root:[^:]*:/root::/' "$root/etc/shadow"
}

# newest_kernels names the newest package of each series of kernels, such as 6.12.
newest_kernels() {
	apt-cache show linux-image-cloud-amd64 |
		sed -n 's/^Depends:.*\(linux-image-\([0-9]*\.[0-9]*\)[^ ,]*-cloud-amd64\).*/\2 \1/p' |
		sort -V | awk '{ newest[$1] = $0 } END { for (series in newest) print newest[series] }'
}

# The kernels are unpacked and not installed: installing one would make an initrd,
# and ext4 and NVMe are built in. The older suite's sources come late, when no
# other package is taken any more.
add_kernels() {
	local series package
	export APT_CONFIG=$MMDEBSTRAP_APT_CONFIG
	cp "$more_sources"/* "$root/etc/apt/sources.list.d/"
	apt-get -q -o APT::Sandbox::User=root update
	newest_kernels | while read -r series package; do
		(cd "$out" && apt-get -q -o APT::Sandbox::User=root download "$package")
		dpkg-deb -x "$out/$package"_*.deb "$out/kernel"
		cp -r "$(find "$out/kernel" -path '*/lib/modules')" "$root/usr/lib/" # /usr/lib since Debian 13
		depmod --basedir "$root" "${package#linux-image-}"
		python3 "$here/vmlinux.py" "$out"/kernel/boot/vmlinuz-* "$out/vmlinux-$series"
		rm -rf "$out/kernel" "$out/$package"_*.deb
	done
}

# What mmdebstrap has mounted below the root, /proc and such, is left out by a
# plain bind mount.
write_disk() {
	local size
	size=$(du -xsm "$root" | cut -f1)
	mkdir "$out/root"
	mount --bind "$root" "$out/root"
	mke2fs -q -t ext4 -J size=8 -E lazy_itable_init=1,nodiscard -m 0 -d "$out/root" "$out/root.ext4" "$((size + 1024))M"
	umount "$out/root"
	rmdir "$out/root"
}

add_kernels
cp -r "$here/image/." "$root/"
set_up_units
keep_udev_rules
merge_sbin
tidy
write_disk
