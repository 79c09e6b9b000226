package fleet

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Program returns the absolute path of the given program. Where none is given, it builds one in
// dir, from the module in whose tree this runs; a static one without cgo.
func Program(ctx context.Context, given, dir string, static bool) (string, error) {
	if given != "" {
		return filepath.Abs(given)
	}
	cgo, tag, out := "1", "gocv_specific_modules", filepath.Join(dir, "bgremove")
	if static {
		cgo, tag, out = "0", "nodynamic", out+"-static"
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-ldflags=-s -w",
		"-tags="+tag, "-o", out, "bgremove")
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, text)
	}
	return out, nil
}
