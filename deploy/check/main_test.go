// Package check tests what deploy/ holds without a container engine or a cluster. It is a module of
// its own, so that what it needs stays out of the product's.
package check

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const root = "../.." // the product's module

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// module is the folder of a module that is read but not imported, whose requirements are thus not
// ours. sum is what go.sum would have for it.
func module(t *testing.T, path, sum string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", path)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("download %s: %v\n%s%s", path, err, out, stderr.Bytes())
	}
	var answer struct{ Dir, Sum string }
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Sum != sum {
		t.Fatalf("%s has the sum %s, want %s", path, answer.Sum, sum)
	}
	return answer.Dir
}

var buildDir string // TestMain makes and removes it

// binary builds the program once, without cgo: every key, variable and flag is in that build too.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(buildDir, "bgremove")
	cmd := exec.Command("go", "build", "-tags=nodynamic", "-buildvcs=false", "-o", path, ".")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	return path, cmd.Run()
})

func TestMain(m *testing.M) {
	var err error
	if buildDir, err = os.MkdirTemp("", "bgremove-check"); err != nil {
		panic(err)
	}
	status := m.Run()
	os.RemoveAll(buildDir)
	os.Exit(status)
}

// bgremove runs the program with nothing but env set, away from any config.yaml.
func bgremove(t *testing.T, env []string, args ...string) (string, error) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{"HOME=" + cmd.Dir}, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// checkPart has the program check the settings and know the command that a container
// or unit starts it with.
func checkPart(t *testing.T, env []string, args ...string) {
	t.Helper()
	if out, err := bgremove(t, env, "config", "check"); err != nil {
		t.Errorf("%q: %v\n%s", env, err, out)
	}
	// cobra answers the help of a parent where there is no such command.
	if out, err := bgremove(t, nil, append(args, "--help")...); err != nil ||
		!strings.Contains(out, "bgremove "+args[0]+" "+args[1]) {
		t.Errorf("%q --help: %v\n%s", args, err, out)
	}
}

// The check fails where it should.
func TestBinaryRefusesWhatItDoesNotKnow(t *testing.T) {
	if out, err := bgremove(t, []string{"BGREMOVE_QUEUE_ULR=x"}, "config", "check"); err == nil ||
		!strings.Contains(out, "BGREMOVE_QUEUE_ULR") {
		t.Errorf("err %v, output %s", err, out)
	}
}
