package module

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A tree is what NixOS puts on a machine, by path from the root.
type tree map[string]file

// file is a regular file, or a symbolic link where mode says so and text is its
// target.
type file struct {
	mode fs.FileMode
	text string
}

const zeros = "00000000000000000000000000000000"

// Nix' base 32 has no e, o, t and u.
var storePath = regexp.MustCompile(`/nix/store/([0-9a-df-np-sv-z]{32})-[0-9A-Za-z+._?=-]+`)

// withoutHashes makes store paths independent of what the files contain.
func withoutHashes(text string) string {
	return storePath.ReplaceAllStringFunc(text, func(path string) string {
		hash := storePath.FindStringSubmatch(path)[1]
		return strings.Replace(path, hash, zeros, 1)
	})
}

// newTree returns the files of an outcome with all files of the store that they
// name, without hashes.
func newTree(t *testing.T, store string, o outcome) tree {
	t.Helper()
	b := builder{t: t, store: store, tree: tree{}, seen: map[string]bool{}}
	for path, f := range o.Files {
		if f.Symlink != nil {
			b.add(path, file{fs.ModeSymlink, *f.Symlink})
		} else {
			b.add(path, regular(*f.Text))
		}
	}
	// What NixOS says while it builds the machine is kept beside its files.
	if len(o.Warnings) > 0 {
		b.tree["/warnings"] = regular(strings.ReplaceAll(strings.Join(o.Warnings, "\n"), checkout(t)+"/", "") + "\n")
	}
	return b.tree
}

func checkout(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

type builder struct {
	t     *testing.T
	store string
	tree  tree
	seen  map[string]bool // paths of the store
}

// regular is a file that can be executed if it says how.
func regular(text string) file {
	if strings.HasPrefix(text, "#!") {
		return file{0o755, text}
	}
	return file{0o644, text}
}

// add adds a file and what it names. Two files of the store may have one name as
// long as they are equal.
func (b *builder) add(path string, f file) {
	if strings.Contains(f.text, checkout(b.t)+"/") {
		b.t.Errorf("%s names a file of the checkout, which is not on the machine: write \"${path}\" where it is set, for a copy in the store", path)
	}
	for _, named := range storePath.FindAllStringSubmatch(f.text, -1) {
		if named[1] != zeros && !b.seen[named[0]] {
			b.seen[named[0]] = true
			b.fetch(named[0])
		}
	}
	path, f.text = withoutHashes(path), withoutHashes(f.text)
	if other, exists := b.tree[path]; exists && other != f {
		b.t.Errorf("two different files have the name %s: give one of them another", path)
	}
	b.tree[path] = f
}

// fetch adds a file of the store, or all that is in a folder of it.
func (b *builder) fetch(path string) {
	err := filepath.WalkDir(b.store+path, func(real string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(real)
		b.add(strings.TrimPrefix(real, b.store), regular(string(text)))
		return err
	})
	if err != nil {
		b.t.Errorf("a file names what is not in the store: %v", err)
	}
}

// readTree reads a tree that was written.
func readTree(t *testing.T, root string) tree {
	t.Helper()
	files := tree{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		f, err := readFile(path, entry)
		files[strings.TrimPrefix(path, root)] = f
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return files
}

func readFile(path string, entry fs.DirEntry) (file, error) {
	if entry.Type() == fs.ModeSymlink {
		target, err := os.Readlink(path)
		return file{fs.ModeSymlink, target}, err
	}
	info, err := entry.Info()
	if err != nil {
		return file{}, err
	}
	text, err := os.ReadFile(path)
	if info.Mode()&0o100 != 0 {
		return file{0o755, string(text)}, err
	}
	return file{0o644, string(text)}, err
}

// write writes a tree below a folder.
func (files tree) write(root string) error {
	for path, f := range files {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		var err error
		if f.mode == fs.ModeSymlink {
			err = os.Symlink(f.text, path)
		} else {
			err = os.WriteFile(path, []byte(f.text), f.mode)
		}
		if err != nil {
			return fmt.Errorf("write a tree: %w", err)
		}
	}
	return nil
}
