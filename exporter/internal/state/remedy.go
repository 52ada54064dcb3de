package state

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// remedies tell a router's owner what to do. systemd's ProtectSystem=strict
// makes folders that a unit does not name read-only.
var remedies = []struct {
	errno  unix.Errno
	remedy string
}{
	{unix.ENOSPC, "make room on its file system; the state saved last is untouched"},
	{unix.EDQUOT, "raise the disk quota or make room; the state saved last is untouched"},
	{unix.EROFS, "make it writable: mount its file system read-write or, under systemd, name it in StateDirectory="},
	{unix.EACCES, "give it to the exporter's user or, under systemd, name it in StateDirectory="},
	{unix.EPERM, "give it to the exporter's user or, under systemd, name it in StateDirectory="},
	{unix.ENOENT, "make the folder or, under systemd, name it in StateDirectory="},
	{unix.ENOTDIR, "set state_dir to a folder"},
	{unix.EWOULDBLOCK, "another exporter is running with it; give each one a state_dir of its own"},
}

// explain adds what can be done about an error.
func explain(err error) error {
	for _, r := range remedies {
		if errors.Is(err, r.errno) {
			return fmt.Errorf("%w (%s)", err, r.remedy)
		}
	}
	return err
}
