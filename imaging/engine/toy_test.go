package engine

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAnotherEngine adds an engine as anybody would: a folder, and one line in openers with its
// import. The tree is not touched: the go command is shown the two files in place of what is there.
// The engine then passes the conformance test, is known to the configuration, the command line and
// the API's document, and cuts.
func TestAnotherEngine(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program anew")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile("engine.go")
	if err != nil {
		t.Fatal(err)
	}
	const lastImport, lastRow = "\t\"bgremove/imaging/engine/grabcut\"\n",
		"return grabcut.New() }},\n"
	changed := strings.Replace(string(table), lastImport,
		lastImport+"\t\"bgremove/imaging/engine/toy\"\n", 1)
	changed = strings.Replace(changed, lastRow, lastRow+
		"\t\t{toy.Name, true, func(Config) (Engine, error) { return toy.New(), nil }},\n", 1)
	if strings.Count(changed, "toy.") != 2 {
		t.Fatal("the table of engines is not where this test looks for it")
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(root, "imaging/engine/engine.go"): write("engine.go", changed),
		filepath.Join(root, "imaging/engine/toy/toy.go"): filepath.Join(root,
			"imaging/engine/testdata/toy/toy.go"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	with := []string{"-tags", "nodynamic", "-overlay", write("overlay.json", string(overlay))}
	run := func(want string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "BGREMOVE_IMAGING_ENGINE=toy")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), want) {
			t.Fatalf("%s: %v, want %q in\n%s", strings.Join(args, " "), err, want, out)
		}
	}
	goTest := func(want string, args ...string) {
		t.Helper()
		run(want, append(append([]string{"go", "test", "-v", "-vet=off"}, with...), args...)...)
	}
	goTest("--- PASS: TestEveryEngine/toy/", "./imaging/engine", "-run", "TestEveryEngine/toy")
	goTest("--- PASS: TestOptionsAreDocumented", "./proxy", "-run", "TestOptionsAreDocumented")
	program := filepath.Join(dir, "bgremove")
	run("", append(append([]string{"go", "build", "-o", program}, with...), ".")...)
	run("ok", program, "config", "check")
	run("toy", program, "__complete", "remove", "--engine", "")
	run("scene.png", program, "remove", "testdata/scene.png", "-v", "-o",
		filepath.Join(dir, "out")+"/")
}
