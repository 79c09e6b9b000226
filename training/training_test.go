// Package training holds the Python scripts that train the prior's network; see README.md.
package training

import (
	"os"
	"os/exec"
	"testing"
)

// TestScripts runs the scripts' own tests where there is a Python with PyTorch.
func TestScripts(t *testing.T) {
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
