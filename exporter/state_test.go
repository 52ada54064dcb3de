package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"router-monitoring/tests/lab"
)

const stateUp = "network_exporter_state_up"

// TestStateFolderInTrouble fills the disk of the state folder, and makes it
// read-only: the exporter says so, counts on and saves again when it can.
func TestStateFolderInTrouble(t *testing.T) {
	l := newLab(t)
	s := newService(t, householdConfig(l))
	s.state = smallDisk(t)
	s.start(t)
	if up := s.scrape(t).value(stateUp); up != 1 {
		t.Fatalf("%s is %v at first", stateUp, up)
	}
	filler := filepath.Join(s.state, "filler")
	remount := func(flags uintptr) error { return unix.Mount("", s.state, "", unix.MS_REMOUNT|flags, "") }
	for _, tt := range []struct {
		trouble      string
		begin, relax func() error
	}{
		{"a full disk", func() error { return fill(filler) }, func() error { return os.Remove(filler) }},
		{"a read-only disk", func() error { return remount(unix.MS_RDONLY) }, func() error { return remount(0) }},
	} {
		before := s.scrape(t)
		if err := tt.begin(); err != nil {
			t.Fatal(err)
		}
		if err := nft("delete table inet network_metrics"); err != nil { // a new table is saved at once
			t.Fatal(err)
		}
		took := eventually(t, tt.trouble+" shows", func() bool { return s.scrape(t).value(stateUp) == 0 })
		c, err := l.UDP(t.Context(), lab.Flow{Client: "alice", Packets: 100, Payload: 1000})
		if err != nil {
			t.Fatal(err)
		}
		const tx = "network_client_tx_bytes_total"
		if got, want := s.scrape(t).value(tx, "hostname", "Alice's phone"), before.value(tx, "hostname", "Alice's phone")+float64(c.Up.Bytes); got != want {
			t.Errorf("on %s alice has %v, want %v", tt.trouble, got, want)
		}
		if err := tt.relax(); err != nil {
			t.Fatal(err)
		}
		saved := eventually(t, tt.trouble+" is over", func() bool { return s.scrape(t).value(stateUp) == 1 })
		t.Logf("%s showed after %v, and that it was over after %v", tt.trouble, took, saved)
	}
	before := s.scrape(t)
	s.terminate(t)
	s.start(t)
	if faults := s.scrape(t).decreased(before); faults != nil {
		t.Errorf("after a restart counters decreased: %v", faults)
	}
}

// smallDisk mounts a file system of 64 KiB. The mount namespace is the test's.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("state", dir, "tmpfs", 0, "size=64k,mode=700"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes a file until the disk is full.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for range 64 {
		if _, err := f.Write(make([]byte, 4<<10)); err != nil {
			return nil
		}
	}
	return os.ErrInvalid // the disk has no end
}

func TestCorruptStateIsSetAside(t *testing.T) {
	l := newLab(t)
	s := newService(t, householdConfig(l))
	if err := os.Mkdir(s.state, 0o700); err != nil {
		t.Fatal(err)
	}
	const garbage = `{"format":"network-metrics-state","version":1}` + "\n" + `{"Clients":[{"MACs":["02:00`
	if err := os.WriteFile(filepath.Join(s.state, "state"), []byte(garbage), 0o600); err != nil {
		t.Fatal(err)
	}
	s.start(t)
	m := s.scrape(t)
	if up, clients := m.value(stateUp), m.value("network_clients"); up != 1 || clients < 2 {
		t.Errorf("%s is %v with %v clients; want it saved anew with the declared ones", stateUp, up, clients)
	}
	kept, err := filepath.Glob(filepath.Join(s.state, "state.corrupt-*"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("set aside: %v %v", kept, err)
	}
	if content, err := os.ReadFile(kept[0]); string(content) != garbage {
		t.Errorf("what was set aside is %q, %v", content, err)
	}
	log, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(log), "level=ERROR") || !strings.Contains(string(log), kept[0]) {
		t.Errorf("the log does not tell of %s:\n%s", kept[0], log)
	}
}
