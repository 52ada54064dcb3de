package module

import (
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The programs that read what is committed are asked what they think of it. This
// needs no nixpkgs.
func TestProgramsAccept(t *testing.T) {
	checks := []struct {
		program, file string
		prepare       func(t *testing.T, root, text string) string
		command       []string
	}{
		{"promtool", "/nix/store/*-prometheus.yml", relocated, []string{"promtool", "check", "config"}},
		{"amtool", "/nix/store/*-alertmanager.yml", substituted, []string{"amtool", "check-config"}},
		{"nft", "/nix/store/*-nftables-rules", relocated, []string{"unshare", "--net", "nft", "--check", "--file"}},
		{"exporter", "/etc/network-metrics-exporter/config.yml", unchanged, []string{exporter(t), "--config.check", "--config.file"}},
	}
	for _, check := range checks {
		t.Run(check.program, func(t *testing.T) {
			checked := 0
			for _, root := range glob(t, "golden/*") {
				for name, f := range readTree(t, root) {
					if match, _ := path.Match(check.file, name); !match {
						continue
					}
					copied := filepath.Join(t.TempDir(), path.Base(name))
					if err := os.WriteFile(copied, []byte(check.prepare(t, root, f.text)), 0o644); err != nil {
						t.Fatal(err)
					}
					accepts(t, root+name, append(slices.Clone(check.command), copied)...)
					checked++
				}
			}
			if checked == 0 {
				t.Errorf("no %s below golden/", check.file)
			}
		})
	}
}

// accepts fails the test for a program that ends with an error.
func accepts(t *testing.T, what string, command ...string) {
	t.Helper()
	if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		t.Errorf("%s: %s: %v\n%s", what, strings.Join(command[:2], " "), err, out)
	}
}

var atRunTime = regexp.MustCompile(`/(run|var/lib)/[\w./-]+`)

// relocated makes paths of the machine those of the tree, and of files that come to
// be only when the machine runs, empty files.
func relocated(t *testing.T, root, text string) string {
	t.Helper()
	machine := t.TempDir()
	text = atRunTime.ReplaceAllStringFunc(text, func(name string) string {
		name = filepath.Join(machine, name)
		if err := (tree{name: {mode: 0o644}}).write("/"); err != nil {
			t.Fatal(err)
		}
		return name
	})
	root, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(text, "/nix/store/", root+"/nix/store/")
}

var urlFile = regexp.MustCompile(`"url_file": "[^"]*"`)

// substituted does what Alertmanager's unit does before it starts. Webhooks take
// their address from a file since Alertmanager 0.26; Debian 12 has an older one.
func substituted(_ *testing.T, _, text string) string {
	return urlFile.ReplaceAllString(strings.ReplaceAll(text, "$$", "$"), `"url": "http://127.0.0.1/"`)
}

func unchanged(_ *testing.T, _, text string) string { return text }

// exporter builds the exporter once.
func exporter(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	accepts(t, "the exporter", "go", "build", "-o", dir, "../../exporter")
	return filepath.Join(dir, "exporter")
}

// systemd on the machine of the test reads the units as the router's would, as far
// as it is as new.
func TestUnits(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil || len(systemUnits()) == 0 {
		t.Skip("no systemd here, of which systemd-analyze would check the units")
	}
	for _, root := range glob(t, "golden/*") {
		t.Run(filepath.Base(root), func(t *testing.T) {
			machine := withSystemd(t, readTree(t, root))
			units, err := filepath.Glob(machine + "/etc/systemd/system/*.service")
			if err != nil {
				t.Fatal(err)
			}
			if len(units) == 0 {
				return // a machine with nothing but a network
			}
			command := append([]string{"verify", "--man=no", "--root=" + machine}, units...)
			if out, err := exec.Command("systemd-analyze", command...).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("systemd-analyze verify: %v\n%s", err, strings.ReplaceAll(string(out), machine, root))
			}
			const exposed = "20" // 2.0 of 10
			if _, err := os.Stat(machine + "/etc/systemd/system/network-metrics-exporter.service"); err == nil {
				accepts(t, root, "systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold="+exposed,
					"--root="+machine, "network-metrics-exporter.service")
			}
		})
	}
}

var systemUnits = sync.OnceValue(func() (units []string) {
	for _, kind := range []string{"target", "slice", "socket"} {
		found, _ := filepath.Glob("/lib/systemd/system/*." + kind)
		units = append(units, found...)
	}
	return units
})

var program = regexp.MustCompile(`/nix/store/` + zeros + `-[^/\s":]+/bin/[^\s"']+`)

// withSystemd writes a tree with the units that systemd brings, and with programs
// that its units start, and returns its root.
func withSystemd(t *testing.T, files tree) string {
	t.Helper()
	root := t.TempDir()
	files = maps.Clone(files)
	for name, f := range files {
		if path.Ext(name) != ".service" {
			continue
		}
		for _, line := range strings.Split(f.text, "\n") {
			if strings.HasPrefix(line, "Environment=") {
				continue // the PATH is not looked at
			}
			for _, started := range program.FindAllString(line, -1) {
				files[started] = regular("#!/bin/sh\n")
			}
		}
	}
	for _, unit := range systemUnits() {
		text, err := os.ReadFile(unit)
		if err != nil {
			continue // a link to nothing
		}
		files["/usr/lib/systemd/system/"+path.Base(unit)] = regular(string(text))
	}
	if err := files.write(root); err != nil {
		t.Fatal(err)
	}
	return root
}
