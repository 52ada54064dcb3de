package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/registry"
)

const (
	fileName = "state"
	tempName = "state.tmp"

	cleanMark = "state.clean"
)

// Store is a folder that holds one state. It is not safe for concurrent use.
type Store struct {
	dir  string
	lock *os.File // the folder, locked; nil once closed

	loaded bool  // whether it is known what a new state would replace
	unread error // why the present file was not read, until it is put aside
}

// Open takes hold of a folder, which it makes if only the last part of its path
// is missing. The lock (flock, on the folder itself) needs no file and so works
// on a full or read-only disk as well; the kernel drops it when the process ends.
func Open(dir string) (*Store, error) {
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, fmt.Errorf("open state folder %s: %w", dir, explain(err))
	}
	s := &Store{dir: dir, lock: lock}
	_ = os.Remove(s.path(tempName)) // of a crash; no harm done if the disk is read-only
	return s, nil
}

func lockFolder(dir string) (*os.File, error) {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		if _, statErr := os.Stat(dir); statErr != nil { // read-only systems refuse before they look
			return nil, err
		}
	}
	f, err := os.OpenFile(dir, unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, &fs.PathError{Op: "lock", Path: dir, Err: err}
	}
	return f, nil
}

// Close lets go of the folder.
func (s *Store) Close() error {
	if s.lock == nil {
		return nil
	}
	err := s.lock.Close()
	s.lock = nil
	return err
}

// Load gives the saved state. There is none at a first run, which is no error.
// A file that cannot be read is put aside under another name, and the error says
// why and where; the caller may go on without a state and save a new one.
func (s *Store) Load() (*registry.State, error) {
	state, err := s.read()
	s.loaded, s.unread = true, err
	if err == nil {
		if state != nil {
			state.Shutdown = s.takeCleanMark() && state.Shutdown
		}
		return state, nil
	}
	kept, asideErr := s.setAside()
	if asideErr != nil {
		return nil, fmt.Errorf("load %s: %w; nothing will be saved until it can be put aside: %w",
			s.path(fileName), err, explain(asideErr))
	}
	return nil, fmt.Errorf("load %s: %w; it is kept as %s", s.path(fileName), err, kept)
}

func (s *Store) read() (*registry.State, error) {
	f, err := os.Open(s.path(fileName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Decode(f)
}

// Save replaces the saved state and returns its size. At any moment, whatever
// fails, the file is either the old state or the new one, whole. It waits for
// the disk and should be kept out of the way of scrapes.
func (s *Store) Save(state *registry.State) (int64, error) {
	n, err := s.save(state)
	if err == nil && state.Shutdown {
		err = s.setCleanMark()
	}
	if err != nil {
		return 0, fmt.Errorf("save state in %s: %w", s.dir, explain(err))
	}
	return n, nil
}

// A state of an orderly end counts as one only while the clean mark, an empty
// file, is there. It is taken away when that state is loaded: unlike a new state
// that works on a full disk, and on a read-only one the answer is no.

func (s *Store) setCleanMark() error {
	f, err := os.OpenFile(s.path(cleanMark), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), syncFolder(s.dir))
}

func (s *Store) takeCleanMark() (was bool) {
	return os.Remove(s.path(cleanMark)) == nil && syncFolder(s.dir) == nil
}

func (s *Store) save(state *registry.State) (int64, error) {
	if s.lock == nil {
		return 0, fs.ErrClosed
	}
	if !s.loaded {
		return 0, errors.New("not loaded before")
	}
	if s.unread != nil {
		if _, err := s.setAside(); err != nil {
			return 0, fmt.Errorf("put the old file aside: %w", err)
		}
	}
	n, err := writeFile(s.path(tempName), state)
	if err == nil {
		err = os.Rename(s.path(tempName), s.path(fileName))
	}
	if err != nil {
		_ = os.Remove(s.path(tempName)) // makes room on a full disk
		return 0, err
	}
	return n, syncFolder(s.dir)
}

// writeFile returns once the disk holds the file, so that no power cut leaves a
// name without its content.
func writeFile(path string, state *registry.State) (n int64, err error) {
	_ = os.Remove(path)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if n, err = encode(f, state); err != nil {
		return 0, err
	}
	return n, f.Sync()
}

// syncFolder makes a rename outlive a power cut.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }
