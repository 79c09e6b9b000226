package apikey

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"bgremove/reload"
)

// made is a key whose secret does not matter.
func made(t *testing.T, name string) Key {
	t.Helper()
	_, k, err := New(name, 0)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func names(t *testing.T, path string) string {
	t.Helper()
	keys, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = k.Name
	}
	return strings.Join(list, " ")
}

func TestAppend(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.txt")
	if err := Append(path, made(t, "first")); err != nil {
		t.Fatal(err)
	}
	wantMode(t, path, 0o600)

	write(t, path, "# a comment", "first:"+sum("a")) // without an end of line
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := Append(path, made(t, "second")); err != nil {
		t.Fatal(err)
	}
	if got := names(t, path); got != "first second" {
		t.Errorf("keys are %q", got)
	}
	if text, err := os.ReadFile(path); err != nil ||
		!strings.HasPrefix(string(text), "# a comment\nfirst:"+sum("a")+"\nsecond:") {
		t.Errorf("%q, %v", text, err)
	}
	wantMode(t, path, 0o640)

	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := Append(link, made(t, "third")); err != nil {
		t.Fatal(err)
	}
	if got := names(t, path); got != "first second third" {
		t.Errorf("by way of a link: keys are %q", got)
	}
}

func wantMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	if info, err := os.Lstat(path); err != nil || info.Mode() != want {
		t.Errorf("%v, %v, want mode %v", info.Mode(), err, want)
	}
}

func TestAppendLeavesWhatItCannotAddTo(t *testing.T) {
	for _, tc := range []struct{ name, before, want string }{
		{"the name is there", "web:" + sum("a") + "\n", "the name web is in line 1 already"},
		{"a faulty line", "x\n", ":1: must be name:sha256"},
		{"full", "#" +
			strings.Repeat("x", reload.MaxBytes-10) + "\n", "would be larger than 1048576 bytes"},
		{"over-full", "#" + strings.Repeat("x", reload.MaxBytes), "is larger than 1048576 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := fileWith(t, tc.before)
			if err := Append(path, made(t, "web")); err == nil ||
				!strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != tc.before {
				t.Errorf("the file was changed, %v", err)
			}
			if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
				t.Errorf("left behind: %v, %v", files, err)
			}
		})
	}
	if err := Append(filepath.Join(t.TempDir(), "none", "keys.txt"),
		made(t, "web")); !os.IsNotExist(err) {
		t.Errorf("no folder: %v", err)
	}
}

func TestAppendAtTheSameTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.txt")
	var adding sync.WaitGroup
	for i := range 20 {
		k := made(t, fmt.Sprint("k", i))
		adding.Go(func() {
			if err := Append(path, k); err != nil {
				t.Error(err)
			}
		})
	}
	adding.Wait()
	if n := len(strings.Fields(names(t, path))); n != 20 {
		t.Errorf("%d keys, want 20", n)
	}
}
