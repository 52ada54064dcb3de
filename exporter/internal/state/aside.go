package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// keptAside is how many files of a kind stay.
const keptAside = 3

// setAside gives an unread file a name that says why and when it was written,
// such as state.corrupt-20260102T150405Z. Only then do the oldest of its kind
// go, never the one put aside just now: the clock of a router that has no
// battery may call it the oldest.
func (s *Store) setAside() (path string, err error) {
	info, err := os.Lstat(s.path(fileName))
	if errors.Is(err, fs.ErrNotExist) {
		s.unread = nil
		return "", nil
	}
	if err != nil {
		return "", err
	}
	kind := s.path(fileName + "." + reason(s.unread) + "-")
	path = freeName(kind + info.ModTime().UTC().Format("20060102T150405Z"))
	if err := os.Rename(s.path(fileName), path); err != nil {
		return "", err
	}
	s.unread = nil
	prune(kind, path)
	return path, nil
}

func reason(err error) string {
	switch {
	case errors.Is(err, ErrNewer):
		return "newer"
	case errors.Is(err, ErrCorrupt):
		return "corrupt"
	}
	return "unreadable"
}

// freeName adds a number to a name that is taken. Nobody else makes files here,
// the folder being locked.
func freeName(path string) string {
	name := path
	for i := 2; exists(name); i++ {
		name = fmt.Sprintf("%s.%d", path, i)
	}
	return name
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// prune removes the oldest files of a kind. One that stays does no harm.
func prune(kind, except string) {
	files, _ := filepath.Glob(kind + "*")
	files = slices.DeleteFunc(files, func(f string) bool { return f == except })
	slices.Sort(files) // by time, as it is written
	for len(files) > keptAside-1 {
		_ = os.Remove(files[0])
		files = files[1:]
	}
}
