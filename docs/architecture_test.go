// Package docs holds guides. Its tests hold them against the tree.
package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestArchitecture finds every path that architecture.md names, and each Name of a "file: Name"
// declared in that file.
func TestArchitecture(t *testing.T) {
	isPath := regexp.MustCompile(`^\.?[A-Za-z]\w*(/[\w.]*)+$|^\.?\w+\.(go|md|yaml|yml|sh)$`)
	found := 0
	for span := range spans(t) {
		path, names, _ := strings.Cut(span, ": ")
		if !isPath.MatchString(path) {
			continue
		}
		found++
		if _, err := os.Stat(filepath.Join("..", path)); err != nil {
			t.Errorf("`%s`: there is no such path", span)
			continue
		}
		for name := range strings.SplitSeq(names, ", ") {
			if name != "" && !declares(t, path, name) {
				t.Errorf("`%s`: %s is not declared there", span, name)
			}
		}
	}
	if found < 200 {
		t.Errorf("only %d paths were found", found)
	}
}

// TestEveryRoom finds each folder with Go code in architecture.md.
func TestEveryRoom(t *testing.T) {
	named := spans(t)
	err := filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() || path == ".." {
			return err
		}
		if strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata" {
			return fs.SkipDir
		}
		code, err := filepath.Glob(filepath.Join(path, "*.go"))
		room := strings.TrimPrefix(path, "../") + "/"
		if len(code) > 0 && !named[room] {
			t.Errorf("`%s` is not on the map", room)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// spans returns what stands in backticks in architecture.md.
func spans(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	prose := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(string(text), "")
	for _, m := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(prose, -1) {
		all[m[1]] = true
	}
	return all
}

// declares reports whether a Go file declares a name at its top level, or another file has the
// word.
func declares(t *testing.T, path, name string) bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", path))
	if err != nil {
		t.Fatal(err)
	}
	pattern := `\b` + name + `\b`
	if filepath.Ext(path) == ".go" {
		pattern = `(?m)^(func (\([^)]*\) )?|(type|var|const) |\t)` + name + `\b`
	}
	return regexp.MustCompile(pattern).Match(text)
}
