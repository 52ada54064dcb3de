package state

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/registry"
)

const (
	insideVar = "STATE_TEST_INSIDE" // the test runs among its own mounts
	saverVar  = "STATE_TEST_SAVER"  // the folder that this process saves in until killed
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(saverVar); dir != "" {
		fmt.Fprintln(os.Stderr, saveUntilKilled(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// amongOwnMounts runs the test again in a mount namespace of its own, and a user
// namespace unless it is root. It reports whether this is that second run.
func amongOwnMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideVar) != "" {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		return true
	}
	again := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.timeout=1m")
	again.Env = append(os.Environ(), insideVar+"=1")
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	if os.Getuid() != 0 {
		again.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		again.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		again.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	if out, err := again.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("PASS")) {
		t.Errorf("in a mount namespace of its own: %v\n%s", err, out)
	}
	return false
}

// disk mounts a small disk.
func disk(t *testing.T, options string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

func remount(t *testing.T, dir string, flags uintptr) {
	t.Helper()
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|flags, ""); err != nil {
		t.Fatal(err)
	}
}

func TestFullDisk(t *testing.T) {
	if !amongOwnMounts(t) {
		return
	}
	dir := disk(t, "size=1m")
	s := open(t, dir)
	save(t, s, 1)
	large := homes(4096) // several megabytes
	for range 3 {
		_, err := s.Save(large)
		wantError(t, err, "save state in "+dir, "no space left on device", "make room")
		wantNames(t, dir, fileName) // nothing is left that fills the disk
		wantSaved(t, s, 1)
	}
	save(t, s, 2)
	wantSaved(t, s, 2)

	// Not even a name fits: what a full inode table looks like.
	full := disk(t, "size=1m,nr_inodes=3")
	s = open(t, full)
	save(t, s, 1)
	if err := os.WriteFile(filepath.Join(full, "other"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := s.Save(&registry.State{})
	wantError(t, err, "no space left on device")
	wantSaved(t, s, 1)
}

func TestReadOnlyDisk(t *testing.T) {
	if !amongOwnMounts(t) {
		return
	}
	dir := disk(t, "size=1m")
	s := open(t, dir)
	save(t, s, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	remount(t, dir, unix.MS_RDONLY)
	_, err := Open(filepath.Join(dir, "new"))
	wantError(t, err, dir+"/new", "read-only file system", "StateDirectory=")

	s = open(t, dir)
	wantSaved(t, s, 1) // what is there can be used
	_, err = Open(dir)
	wantError(t, err, "another exporter is running")
	_, err = s.Save(&registry.State{})
	wantError(t, err, "save state in "+dir, "read-only file system", "read-write")

	remount(t, dir, 0)
	save(t, s, 2)
	wantSaved(t, s, 2)
}

func TestUnreadFileOnReadOnlyDisk(t *testing.T) {
	if !amongOwnMounts(t) {
		return
	}
	dir := disk(t, "size=1m")
	put(t, dir, "precious", time.Unix(0, 0))
	remount(t, dir, unix.MS_RDONLY)
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Load()
	wantError(t, err, "corrupt state", "nothing will be saved until it can be put aside", "read-only file system")
	_, err = s.Save(&registry.State{})
	wantError(t, err, "put the old file aside", "read-only file system")
	wantNames(t, dir, fileName)

	remount(t, dir, 0)
	save(t, s, 1)
	wantSaved(t, s, 1)
	wantNames(t, dir, fileName, "state.corrupt-19700101T000000Z")
}

// numbered is a state whose parts all tell the same number, of a size of its own.
func numbered(n uint64) *registry.State {
	return &registry.State{Known: slices.Repeat([]uint64{n}, int(1+n%20_000))}
}

// saveUntilKilled tells the number of each state that it saved.
func saveUntilKilled(dir string) error {
	s, err := Open(dir)
	if err != nil {
		return err
	}
	last, err := s.Load()
	if err != nil {
		return err
	}
	begun := time.Now()
	for n := number(last) + 1; time.Since(begun) < time.Minute; n++ {
		if _, err := s.Save(numbered(n)); err != nil {
			return err
		}
		fmt.Println(n)
	}
	return errors.New("nobody killed it")
}

func number(s *registry.State) uint64 {
	if s == nil {
		return 0
	}
	return s.Known[0]
}

func TestKilledAtAnyMoment(t *testing.T) {
	dir := t.TempDir()
	halfway := 0
	for range 100 {
		told := killSaver(t, dir)
		if len(names(t, dir)) > 1 {
			halfway++
		}
		s := open(t, dir)
		got, err := s.Load()
		if err != nil {
			t.Fatal(err)
		}
		n := number(got)
		if n != told && n != told+1 { // it may have died before it could tell
			t.Fatalf("holds state %d, the last one saved is %d", n, told)
		}
		if got != nil && !slices.Equal(got.Known, numbered(n).Known) {
			t.Fatalf("state %d is not whole", n)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d of 100 died between the steps of a save", halfway)
	if halfway == 0 {
		t.Error("none died within a save: nothing was tested")
	}
}

// killSaver lets a process save for a moment and gives the last number it told.
func killSaver(t *testing.T, dir string) (told uint64) {
	t.Helper()
	var out, errs bytes.Buffer
	saver := exec.Command("/proc/self/exe")
	saver.Env = append(os.Environ(), saverVar+"="+dir)
	saver.Stdout, saver.Stderr = &out, &errs
	before := number(mustRead(t, dir))
	if err := saver.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(10*time.Millisecond + rand.N(30*time.Millisecond))
	_ = saver.Process.Kill()
	var exit *exec.ExitError
	if err := saver.Wait(); !errors.As(err, &exit) || exit.ExitCode() != -1 {
		t.Fatalf("saver ended by itself: %v: %s", err, errs.String())
	}
	lines := strings.Fields(out.String())
	if len(lines) == 0 {
		return before
	}
	if _, err := fmt.Sscan(lines[len(lines)-1], &told); err != nil {
		t.Fatal(err)
	}
	return told
}

func mustRead(t *testing.T, dir string) *registry.State {
	t.Helper()
	s, err := (&Store{dir: dir}).read()
	if err != nil {
		t.Fatal(err)
	}
	return s
}
