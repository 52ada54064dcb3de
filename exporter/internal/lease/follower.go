package lease

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// File is what the configuration names: one lease file, for networkd the folder
// with one file for each interface, or with format Auto and no path whatever is
// in the usual places.
type File struct {
	Format Format
	Path   string
}

// Status tells how one file is. A file that was never there is up: the DHCP
// server may come later.
type Status struct {
	File           // Format as the content shows it
	Up       bool  // the last reading went well
	Err      error // why not, with what to do
	BadLines int   // of the last reading
	Leases   int   // of the last reading that went well
}

// Reading is what the files say together, each address once and in order. It is
// shared and never changes.
type Reading struct {
	Leases []sample.Lease
	Files  []Status // those named, and those found in the usual places
	Read   bool     // the files were looked at
	held   []held
}

// Follower keeps the leases of a number of files up to date.
type Follower struct {
	log      *slog.Logger
	interval time.Duration
	sources  []*source
	watches  *watches
	reading  atomic.Pointer[Reading]
	changed  chan struct{}
	expiry   time.Time // when the first lease of the reading ends; zero if none does
	looked   bool      // at the files, at least once
}

// NewFollower prepares to follow the files; Run does it. interval is how often
// they are looked at where the kernel tells of no change.
func NewFollower(files []File, interval time.Duration, log *slog.Logger) *Follower {
	f := &Follower{log: log, interval: interval, changed: make(chan struct{}, 1)}
	named := func(path string) bool { return slices.ContainsFunc(files, func(f File) bool { return f.Path == path }) }
	for _, file := range files {
		if file.Format != Auto || file.Path != "" {
			f.sources = append(f.sources, &source{path: file.Path, target: file.Path, format: file.Format})
			continue
		}
		for _, path := range usualPlaces {
			if named(path) {
				continue
			}
			f.sources = append(f.sources, &source{path: path, target: path, format: Auto, usual: true})
		}
	}
	f.reading.Store(&Reading{})
	f.publish(time.Now())
	return f
}

// Reading gives what is known now, without waiting; before Run has read the
// files it has no leases.
func (f *Follower) Reading() Reading { return *f.reading.Load() }

// Changed tells that the leases of Reading are others than before. Changes that
// nobody received yet are one.
func (f *Follower) Changed() <-chan struct{} { return f.changed }

// A change is waited out for a moment, for servers write in several steps. The
// time spent on reading is bounded: after a reading that took long the next one
// waits 20 times as long.
const (
	settle    = 200 * time.Millisecond
	readShare = 20
)

// Run reads the files, and again whenever they change, until ctx ends.
func (f *Follower) Run(ctx context.Context) {
	f.watches = openWatches(f.log, f.interval)
	defer f.watches.close()
	f.loop(ctx)
}

func (f *Follower) loop(ctx context.Context) {
	tick := time.NewTicker(f.interval)
	defer tick.Stop()
	var due <-chan time.Time
	took := f.refresh()
	for {
		stale := false
		select {
		case <-ctx.Done():
			return
		case e := <-f.watches.events:
			f.watches.note(e)
			stale = f.markStale(func(s *source) bool { return s.concerns(e.Name) })
		case <-f.watches.errors: // events were lost
			stale = f.markStale(func(*source) bool { return true })
		case <-due:
			due, took = nil, f.refresh()
		case <-tick.C:
			if due == nil { // else what is being written is left to settle
				took = f.refresh()
			}
		}
		if stale && due == nil {
			due = time.After(max(settle, readShare*took))
		}
	}
}

// markStale has sources read again, and reports whether there are any.
func (f *Follower) markStale(concerned func(*source) bool) (any bool) {
	for _, s := range f.sources {
		if concerned(s) {
			s.stale, any = true, true
		}
	}
	return any
}

// refresh reads what changed and publishes it.
func (f *Follower) refresh() (took time.Duration) {
	start := time.Now()
	changed := !f.looked
	f.looked = true
	barred := map[string]bool{} // folders, of which one complaint is enough
	for _, s := range f.sources {
		before, leases := s.status(), s.leases
		f.watches.follow(s) // first, so that no change falls between
		s.refresh(start)
		if s.usual && !s.existed && errors.Is(s.err, fs.ErrPermission) {
			dir := filepath.Dir(s.path)
			if barred[dir] {
				s.err = nil
			}
			barred[dir] = true
		}
		changed = changed || before != s.status() || !slices.Equal(leases, s.leases)
		f.logChange(before, s)
	}
	if expired := !f.expiry.IsZero() && f.expiry.Before(start); changed || expired {
		f.publish(start)
	}
	return time.Since(start)
}

func (f *Follower) publish(now time.Time) {
	all, r := newBook(), &Reading{Read: f.looked}
	for _, s := range f.sources {
		all.merge(s.leases)
		r.held = append(r.held, held{s.status().Format, s.leases})
		if s.existed || s.err != nil || !s.usual {
			r.Files = append(r.Files, s.status())
		}
	}
	r.Leases = all.current(now)
	f.expiry = nextExpiry(r.Leases)
	before := f.reading.Swap(r)
	if slices.Equal(before.Leases, r.Leases) {
		return
	}
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// logChange says once what became of a file.
func (f *Follower) logChange(before Status, s *source) {
	now := s.status()
	text := func(err error) string {
		if err == nil {
			return ""
		}
		return strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	switch fault := text(now.Err); {
	case fault == text(before.Err):
	case fault != "":
		f.log.Error("lease file cannot be used; what was read of it before stays in force", "file", s.path, "err", fault)
	default:
		f.log.Info("lease file can be read again", "file", s.path)
	}
	if before.BadLines == 0 && now.BadLines > 0 {
		f.log.Warn("lease file holds lines that make no sense; they are left out", "file", s.path, "lines", now.BadLines)
	}
}
