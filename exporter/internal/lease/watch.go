package lease

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// watches are the folders in which the kernel tells of changes: those of files
// that exist, and of files that were named. A file of a usual place is waited
// for by looking every interval, so that nothing is watched in vain and a busy
// /tmp wakes nobody. So is a folder that does not exist.
type watches struct {
	log     *slog.Logger
	watcher *fsnotify.Watcher // nil where there is none
	folders map[string]part   // as they were when watching began
	failed  bool              // and it was said

	events <-chan fsnotify.Event // nil where there is no watcher
	errors <-chan error
}

func openWatches(log *slog.Logger, interval time.Duration) *watches {
	w := &watches{log: log, folders: map[string]part{}}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn("cannot watch lease files and looks at them now and then instead; raise the sysctl fs.inotify.max_user_instances",
			"every", interval, "err", err)
		return w
	}
	w.watcher, w.events, w.errors = watcher, watcher.Events, watcher.Errors
	return w
}

func (w *watches) close() {
	if w.watcher != nil {
		_ = w.watcher.Close()
	}
}

// follow watches the folders in which a source can change: its own, and where
// it is a symbolic link that of the file it leads to.
func (w *watches) follow(s *source) {
	target, err := filepath.EvalSymlinks(s.path)
	if w.watcher == nil || s.usual && (err != nil || !trustworthy(s.path)) {
		return
	}
	if s.target = target; err != nil {
		s.target = s.path
	}
	w.add(filepath.Dir(s.path))
	w.add(filepath.Dir(s.target))
	if info, err := os.Stat(s.target); err == nil && info.IsDir() {
		w.add(s.target)
	}
}

// add watches a folder, anew where it is another one than before.
func (w *watches) add(dir string) {
	info, err := os.Stat(dir)
	if err != nil {
		w.forget(dir)
		return
	}
	now := newPart(dir, info)
	now.size, now.changed = 0, time.Time{} // which follow its content
	if w.folders[dir] == now {
		return
	}
	w.forget(dir)
	if err := w.watcher.Add(dir); err == nil {
		w.folders[dir] = now
	} else if !w.failed {
		w.failed = true
		w.log.Warn("cannot watch a folder of lease files and looks at it now and then instead", "folder", dir, "err", err)
	}
}

func (w *watches) forget(dir string) {
	if _, known := w.folders[dir]; known {
		delete(w.folders, dir)
		_ = w.watcher.Remove(dir) // an error if the kernel did it already
	}
}

// note forgets a watched folder that was removed or renamed, for a new one in
// its place can have the same inode.
func (w *watches) note(e fsnotify.Event) {
	if e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
		w.forget(e.Name)
	}
}

// concerns reports whether an event is about the source: its file, one beside
// it that belongs to it, one in its folder, or a folder it is in.
func (s *source) concerns(path string) bool {
	return strings.HasPrefix(path, s.path) || strings.HasPrefix(path, s.target) || strings.HasPrefix(s.path, path+"/")
}
