// Package training holds the Python scripts that train the prior's network; see README.md.
package training

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestScripts runs the scripts' own tests where there is a Python with their packages: they train a
// network on generated pictures, export it, and compare Go's forward pass with PyTorch's.
func TestScripts(t *testing.T) {
	watch(t, "*.py", "*.json", "../imaging/engine/fast/network/*", "../imaging/net/*.go",
		"../imaging/net/*.s", "../tools/netcheck/*.go")
	python := findPython(t)
	if python == "" {
		t.Skip("no Python with torch, numpy and PIL here: make training-setup makes one")
	}
	tests := exec.CommandContext(t.Context(), python, "-m", "unittest", "discover",
		"--start-directory", ".")
	tests.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "OMP_NUM_THREADS=1")
	if out, err := tests.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", python, err, out)
	}
}

// findPython returns the Python of the virtual environment or of the machine, or "" if neither has
// PyTorch from version 2 on.
func findPython(t *testing.T) string {
	t.Helper()
	const imports = "import torch, numpy, PIL; assert int(torch.__version__.split('.')[0]) >= 2"
	for _, python := range []string{filepath.Join(".venv", "bin", "python"), "python3"} {
		if exec.CommandContext(t.Context(), python, "-c", imports).Run() == nil {
			return python
		}
	}
	return ""
}

// watch tells go test, which caches results, that they depend on files that
// only other processes read.
func watch(t *testing.T, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, f := range files {
			if _, err := os.Stat(f); err != nil {
				t.Fatal(err)
			}
		}
	}
}
