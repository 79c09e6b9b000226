package check

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// sources are the files of the product that its two builds read, relative to its root.
func sources(t *testing.T) (paths []string) {
	t.Helper()
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, build := range []struct{ cgo, tags string }{
		{"1", "-tags=gocv_specific_modules"}, {"0", "-tags=nodynamic"},
	} {
		cmd := exec.CommandContext(t.Context(), "go", "list", "-deps",
			"-json=Dir,Standard,Module,GoFiles,CgoFiles,CFiles,HFiles,SFiles,EmbedFiles",
			build.tags, ".")
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "CGO_ENABLED="+build.cgo)
		cmd.Stderr = os.Stderr
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for decoder := json.NewDecoder(stdout); ; {
			var pkg struct {
				Dir                                                   string
				Module                                                *struct{ Main bool }
				GoFiles, CgoFiles, CFiles, HFiles, SFiles, EmbedFiles []string
			}
			if err := decoder.Decode(&pkg); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if pkg.Module == nil || !pkg.Module.Main {
				continue
			}
			for _, files := range [][]string{
				pkg.GoFiles, pkg.CgoFiles, pkg.CFiles, pkg.HFiles, pkg.SFiles, pkg.EmbedFiles,
			} {
				for _, file := range files {
					path, err := filepath.Rel(top, filepath.Join(pkg.Dir, file))
					if err != nil {
						t.Fatal(err)
					}
					paths = append(paths, path)
				}
			}
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if len(paths) == 0 {
		t.Fatal("go list names no file")
	}
	return paths
}
