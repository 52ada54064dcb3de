package state

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/registry"
)

// save saves a state that is told by its number.
func save(t testing.TB, s *Store, number uint64) {
	t.Helper()
	if _, err := s.Save(&registry.State{Known: []uint64{number}}); err != nil {
		t.Fatal(err)
	}
}

// wantSaved checks what the next process would find.
func wantSaved(t testing.TB, s *Store, number uint64) {
	t.Helper()
	got, err := s.Load()
	if diff := cmp.Diff(&registry.State{Known: []uint64{number}}, got, same...); err != nil || diff != "" {
		t.Fatalf("loaded: %v, want (-), got (+):\n%s", err, diff)
	}
}

// names lists a folder.
func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func wantNames(t testing.TB, dir string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, names(t, dir)); diff != "" {
		t.Fatalf("files, want (-), got (+):\n%s", diff)
	}
}

// put writes a state file as if at a time.
func put(t testing.TB, dir, content string, at time.Time) {
	t.Helper()
	path := filepath.Join(dir, fileName)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q has no %q", err, part)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error of several lines: %q", err)
	}
}

// TestAnOrderlyEndCountsOnce loads a state twice, as after an orderly end and then
// a power cut on a full disk, which took no newer state.
func TestAnOrderlyEndCountsOnce(t *testing.T) {
	dir := t.TempDir()
	for i, want := range []bool{false, true, false} {
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Load()
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 && got.Shutdown != want {
			t.Errorf("load %d: orderly end %v, want %v", i, got.Shutdown, want)
		}
		if i == 0 {
			if _, err := s.Save(&registry.State{Shutdown: true}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFirstRun(t *testing.T) {
	defer unix.Umask(unix.Umask(0)) // not the umask keeps others out
	dir := filepath.Join(t.TempDir(), "new")
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Load(); got != nil || err != nil {
		t.Fatalf("load at a first run: %v, %v", got, err)
	}
	want := filled(t)
	want.Shutdown = false
	n, err := s.Save(want)
	if err != nil {
		t.Fatal(err)
	}
	wantNames(t, dir, fileName)
	folder, file := stat(t, dir), stat(t, filepath.Join(dir, fileName))
	if folder.Mode() != os.ModeDir|0o700 || file.Mode() != 0o600 || file.Size() != n {
		t.Errorf("folder %v, file %v of %d bytes, %d reported", folder.Mode(), file.Mode(), file.Size(), n)
	}

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := open(t, dir).Load()
	if diff := cmp.Diff(want, got, same...); err != nil || diff != "" {
		t.Errorf("%v, saved (-), loaded (+):\n%s", err, diff)
	}
}

func stat(t testing.TB, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	_, err := Open(dir)
	wantError(t, err, "open state folder "+dir, "another exporter is running")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	_, err = first.Save(&registry.State{})
	wantError(t, err, "save state in "+dir, "closed")
	open(t, dir)

	_, err = Open(filepath.Join(dir, "a/b"))
	wantError(t, err, dir+"/a/b", "no such file or directory", "StateDirectory=")
	put(t, dir, "", time.Now())
	_, err = Open(filepath.Join(dir, fileName))
	wantError(t, err, "not a directory", "set state_dir to a folder")
}

func TestSaveOnlyAfterLoad(t *testing.T) {
	dir := t.TempDir()
	save(t, open(t, dir), 1)
	other := t.TempDir()
	put(t, other, "precious", time.Now())
	s, err := Open(other)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Save(&registry.State{})
	wantError(t, err, "not loaded before")
	wantNames(t, other, fileName)
}

func TestLeftoversOfACrash(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	save(t, s, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, tempName), []byte("half"), 0o666); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	wantNames(t, dir, fileName)
	wantSaved(t, s, 1)
}

func TestFailedSaveLeavesTheOldState(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	save(t, s, 1)
	_, err := s.Save(&registry.State{Began: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)})
	wantError(t, err, "save state in "+dir, "year")
	wantNames(t, dir, fileName)
	wantSaved(t, s, 1)
}

func TestUnreadFilesArePutAside(t *testing.T) {
	at := time.Date(2026, 1, 2, 15, 4, 5, 0, time.FixedZone("CET", 3600))
	const newer = `{"format":"network-metrics-state","version":2}` + "\nwhatever"
	for _, c := range []struct{ name, content, aside, why string }{
		{"corrupt", "not a state", "state.corrupt-20260102T140405Z", "corrupt state"},
		{"empty", "", "state.corrupt-20260102T140405Z", "corrupt state"},
		{"newer", newer, "state.newer-20260102T140405Z", "state of a newer version"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, c.content, at)
			s, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			got, err := s.Load()
			wantError(t, err, "load "+dir+"/state", c.why, "it is kept as "+dir+"/"+c.aside)
			if got != nil || errors.Is(err, ErrNewer) != (c.name == "newer") || errors.Is(err, ErrCorrupt) == (c.name == "newer") {
				t.Errorf("got %v, %v", got, err)
			}
			save(t, s, 1)
			wantSaved(t, s, 1)
			wantNames(t, dir, fileName, c.aside)
			if kept, err := os.ReadFile(filepath.Join(dir, c.aside)); err != nil || string(kept) != c.content {
				t.Errorf("kept %q, %v", kept, err)
			}
		})
	}
}

// A folder in the file's place stands for all that cannot even be read.
func TestUnreadableIsPutAside(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, fileName), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Load()
	wantError(t, err, "is a directory", "state.unreadable-")
	save(t, s, 1)
	wantSaved(t, s, 1)
}

func TestThreeOfAKindAreKept(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	aside := func(content string, at time.Time) {
		t.Helper()
		put(t, dir, content, at)
		if _, err := s.Load(); err == nil {
			t.Fatal("no error")
		}
	}
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	aside(`{"format":"network-metrics-state","version":2}`+"\n", day)
	for i := range 5 {
		aside("corrupt", day.AddDate(0, 0, i))
	}
	wantNames(t, dir, "state.corrupt-20260103T000000Z", "state.corrupt-20260104T000000Z",
		"state.corrupt-20260105T000000Z", "state.newer-20260101T000000Z")

	aside("of the same second", day.AddDate(0, 0, 4))
	aside("without a clock", time.Unix(0, 0))
	wantNames(t, dir, "state.corrupt-19700101T000000Z", "state.corrupt-20260105T000000Z",
		"state.corrupt-20260105T000000Z.2", "state.newer-20260101T000000Z")
}
