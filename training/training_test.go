// Package training holds the Python scripts that train the prior's network; see README.md.
package training

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestScripts runs the scripts' own tests where there is a Python with PyTorch.
func TestScripts(t *testing.T) {
	watch(t, "*.py", "net.pt", "../imaging/prior/*", "../imaging/net/*.go", "../imaging/net/check/*.go")
	for _, python := range []string{"python3", "/usr/bin/python3"} { // Debian's python3-torch is the latter's
		if exec.CommandContext(t.Context(), python, "-c", "import torch, numpy, PIL").Run() != nil {
			continue
		}
		tests := exec.CommandContext(t.Context(), python, "-m", "unittest", "discover", "--start-directory", ".")
		tests.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
		if out, err := tests.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", python, err, out)
		}
		return
	}
	t.Skip("no Python with torch, numpy and PIL here")
}

// watch tells go test, which caches results, that they depend on files that only other processes read.
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
