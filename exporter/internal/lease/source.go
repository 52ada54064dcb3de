package lease

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// source is one lease file, or for Kea and networkd the files that belong
// together, and what was read of it last.
type source struct {
	path   string
	format Format
	usual  bool // looked for in a usual place: it may go as it came

	target  string // where path leads, should it be a symbolic link
	found   Format // what the content showed
	existed bool
	read    []part // as they were when they were read
	stale   bool   // to be read whatever stat says
	leases  []sample.Lease
	bad     int
	err     error
}

// refresh reads the source if it changed. What was read last stays in force
// while it cannot be read, or is gone against all expectation.
func (s *source) refresh(now time.Time) {
	parts, err := s.parts()
	switch {
	case err != nil:
	case len(parts) == 0:
		err = s.gone()
	case !s.stale && slices.Equal(parts, s.read):
		return
	default:
		s.existed = true
		err = s.readParts(parts, now)
	}
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w; add the exporter's user to the group that may read the file and its folder, or give its service CAP_DAC_READ_SEARCH", err)
	}
	if err != nil && !isBound(err) {
		s.read = nil // so that it is tried again: a right that is given changes no file
	}
	s.err, s.stale = err, false
}

// isBound reports an error that leaves a usable part of the file.
func isBound(err error) bool { return errors.Is(err, errTooLarge) || errors.Is(err, errTooMany) }

// gone settles that nothing is there.
func (s *source) gone() error {
	s.read = nil
	if s.usual || s.format == Networkd || s.found == Networkd { // which removes a file when its last lease ends
		s.leases, s.bad, s.existed = nil, 0, false
	}
	if s.existed {
		return fmt.Errorf("%s is gone; see whether the DHCP server still runs, or correct its path in dhcp.leases", s.path)
	}
	return nil
}

// readParts reads all files into one book. Should they change meanwhile, as
// when Kea moves them, they are read again, but not for ever: each later change
// brings an event of its own.
func (s *source) readParts(parts []part, now time.Time) error {
	const attempts = 3
	for attempt := 1; ; attempt++ {
		b := newBook()
		err := s.readInto(b, parts)
		after, statErr := s.parts()
		if attempt < attempts && statErr == nil && len(after) > 0 && !slices.Equal(parts, after) {
			parts = after
			continue
		}
		s.read = parts
		if err == nil || isBound(err) {
			s.leases, s.bad = b.current(now), b.bad
		}
		return err
	}
}

func (s *source) readInto(b *book, parts []part) error {
	var errs []error
	for _, p := range parts {
		found, err := b.readFile(p.path, s.format)
		if found != "" {
			s.found = found
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// readFile reads one file; one that went away meanwhile holds nothing.
func (b *book) readFile(path string, f Format) (Format, error) {
	// Without O_NONBLOCK opening a named pipe would wait for a writer.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", errors.Join(err, fmt.Errorf("%s is not a file; correct its path in dhcp.leases", path))
	}
	found, err := b.read(f, file)
	if err != nil && !errors.As(err, new(*fs.PathError)) {
		err = fmt.Errorf("%s %w", path, err)
	}
	return found, err
}

// status tells how the source is; it is unknown where there is nothing.
func (s *source) status() Status {
	f := s.format
	if f == Auto && s.found != "" {
		f = s.found
	}
	return Status{File: File{Format: f, Path: s.path}, Up: s.err == nil, Err: s.err, BadLines: s.bad, Leases: len(s.leases)}
}
