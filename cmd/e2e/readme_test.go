package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bgremove/app/settings"
)

func (b binary) testReadme(t *testing.T)   { b.runCommands(t, "../../README.md", 4) }
func (b binary) testAPIGuide(t *testing.T) { b.runCommands(t, "../../docs/api.md", 12) }

// Of the command line.
func (b binary) testGuides(t *testing.T) {
	b.runCommands(t, "../../docs/cli.md", 2)
	b.runCommands(t, "../../docs/submit.md", 3)
	b.runCommands(t, "../../docs/jobs.md", 1)
}

// runCommands runs every command of a document in a block marked as sh as it
// stands, but for the ports.
func (b binary) runCommands(t *testing.T, path string, atLeast int) {
	t.Helper()
	document, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p := b.serve(t, "all")
	atOurPorts := strings.NewReplacer(
		"http://localhost:5000", p.url(t, "proxy"), "http://localhost:5001", p.url(t, "predict"),
	)
	dir := t.TempDir()
	copyTo(t, "../../testdata/jpeg-baseline.jpg", filepath.Join(dir, "photo.jpg"))
	if err := os.Symlink(b.path, filepath.Join(dir, "bgremove")); err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(document, -1)
	if len(blocks) < atLeast {
		t.Fatalf("only %d blocks of commands were found", len(blocks))
	}
	for _, block := range blocks {
		cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c",
			atOurPorts.Replace(string(block[1])))
		cmd.Dir, cmd.Env = dir, []string{"HOME=" + dir, "PATH=" + dir + ":" +
			os.Getenv("PATH"), settings.ServerEnv + "=" + p.url(t, "proxy")}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s\n%v: %s", block[1], err, out)
		}
		for _, file := range []string{"cutout.png", "matte.png"} {
			checkAndRemove(t, filepath.Join(dir, file),
				bytes.Contains(block[1], []byte("-o "+file)) ||
					bytes.Contains(block[1], []byte("> "+file)))
		}
	}
}

// checkAndRemove looks at a PNG that a command should have made.
func checkAndRemove(t *testing.T, path string, wanted bool) {
	t.Helper()
	data, err := os.ReadFile(path)
	if wanted && (err != nil || !bytes.HasPrefix(data, []byte("\x89PNG"))) {
		t.Errorf("%s: %v, begins with %.40q", filepath.Base(path), err, data)
	}
	_ = os.Remove(path)
}

func copyTo(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// The targets that CONTRIBUTING.md names exist.
func TestMakeTargets(t *testing.T) {
	guide, err := os.ReadFile("../../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	targets := regexp.MustCompile(`(?m)^make ([\w-]+)`).FindAllSubmatch(guide, -1)
	if len(targets) < 6 {
		t.Fatalf("only %d targets were found", len(targets))
	}
	for _, target := range targets {
		cmd := exec.CommandContext(t.Context(), "make", "--dry-run", string(target[1]))
		cmd.Dir = "../.."
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("make %s: %v: %s", target[1], err, out)
		}
	}
}
