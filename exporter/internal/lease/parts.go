package lease

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// maxParts bounds the files in a folder of leases; networkd has one for each
// interface that it serves.
const maxParts = 256

// part is one file of a source as stat shows it. As long as that is the same
// the content is, unless it was written twice within a tick of the kernel's
// clock; then there is an event.
type part struct {
	path     string
	dev, ino uint64
	size     int64
	changed  time.Time
}

func newPart(path string, info fs.FileInfo) part {
	p := part{path: path, size: info.Size(), changed: info.ModTime()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		p.dev, p.ino = uint64(st.Dev), st.Ino
	}
	return p
}

// parts lists the files of a source in the order they must be read; none where
// there is nothing.
func (s *source) parts() ([]part, error) {
	if s.usual && !trustworthy(s.path) {
		return nil, nil
	}
	info, err := os.Stat(s.path)
	switch {
	case err == nil && info.IsDir():
		return folderParts(s.path)
	case s.format == Kea || s.found == Kea:
		return keaParts(s.path)
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []part{newPart(s.path, info)}, nil
}

// folderParts lists the files of a folder. Hidden ones are those that a server
// is still writing.
func folderParts(dir string) (parts []part, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		if err == nil && info.Mode().IsRegular() && !strings.HasPrefix(e.Name(), ".") && len(parts) < maxParts {
			parts = append(parts, newPart(path, info))
		}
	}
	return parts, nil
}

// keaParts lists what exists of a Kea lease file NAME and the files beside it,
// in the order in which Kea reads them itself (loadLeasesFromFiles in
// src/lib/dhcpsrv/memfile_lease_mgr.cc). Its cleanup moves NAME to NAME.1,
// writes what is left of NAME.2 and NAME.1 to NAME.completed, removes both and
// moves that to NAME.2. So NAME.completed stands for both where it exists.
func keaParts(name string) (parts []part, err error) {
	for _, suffix := range []string{".completed", ".2", ".1", ""} {
		if len(parts) > 0 && parts[0].path == name+".completed" && suffix != "" {
			continue
		}
		info, err := os.Stat(name + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		parts = append(parts, newPart(name+suffix, info))
	}
	return parts, nil
}

// Where DHCP servers keep their leases unless told otherwise. A folder is
// networkd's, with a file for each interface.
var usualPlaces = []string{
	"/var/lib/misc/dnsmasq.leases",    // Debian
	"/var/lib/dnsmasq/dnsmasq.leases", // NixOS, Fedora
	"/tmp/dhcp.leases",                // OpenWrt
	"/var/lib/kea/kea-leases4.csv",    // Kea's default
	"/var/lib/kea/kea-leases6.csv",
	"/var/lib/kea/dhcp4.leases", // NixOS
	"/var/lib/kea/dhcp6.leases",
	"/var/lib/dhcp/dhcpd.leases", // Debian
	"/var/lib/dhcp/dhcpd6.leases",
	"/var/lib/dhcpd/dhcpd.leases", // Fedora
	"/var/lib/dhcpd/dhcpd6.leases",
	"/var/lib/systemd/network/dhcp-server-lease",
}

// firstUser is the first number of a person's account; system accounts are below.
const firstUser = 1000

// trustworthy reports whether a file that nobody named can be believed: where
// anyone may make files, as in /tmp, only those of system accounts are. What
// cannot be looked at is left to be an error of reading.
func trustworthy(path string) bool {
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil || dir.Mode().Perm()&0o002 == 0 {
		return true
	}
	info, err := os.Lstat(path)
	if err != nil {
		return true
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Uid < firstUser
}
