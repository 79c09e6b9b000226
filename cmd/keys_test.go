package cmd

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestKeysNew(t *testing.T) {
	status, stdout, stderr := call(t, "keys", "new", "web", "--megapixels-per-minute", "60")
	key, line, _ := strings.Cut(strings.TrimSuffix(stdout, "\n"), "\n")
	if status != 0 || !regexp.MustCompile(`^bgr_[0-9a-f]{64}$`).MatchString(key) {
		t.Fatalf("status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
	if want := fmt.Sprintf("web:%x:60", sha256.Sum256([]byte(key))); line != want {
		t.Errorf("line is %q, want %q", line, want)
	}
	if !strings.Contains(stderr, "cannot be shown again") || strings.Contains(stderr, key) {
		t.Errorf("stderr is %q", stderr)
	}
}

func TestKeysFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.txt")
	for _, args := range [][]string{{"web"}, {"ci", "--megapixels-per-minute=5"}} {
		status, stdout, stderr := call(t,
			append([]string{"keys", "new", "--file", file}, args...)...)
		if status != 0 || stderr != "" || !regexp.MustCompile(`^bgr_[0-9a-f]{64}\n$`).
			MatchString(stdout) {
			t.Fatalf("status %d, stdout %q, stderr %q", status, stdout, stderr)
		}
		if strings.Contains(read(t, file), strings.TrimSpace(stdout)) {
			t.Error("the key itself is in the file")
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v; want a file for its owner alone", info.Mode(), err)
	}
	if status, stdout, stderr := call(t, "keys", "check", file); status != 0 || stderr != "" ||
		stdout != "ok, 2 keys\nweb: no limit\nci: 5 megapixels a minute\n" {
		t.Errorf("status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
}

func TestKeysCheckOne(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.txt")
	call(t, "keys", "new", "--file", file, "web")
	if status, stdout, _ := call(t, "keys", "check", file); status != 0 ||
		stdout != "ok, 1 key\nweb: no limit\n" {
		t.Errorf("status %d, stdout %q", status, stdout)
	}
}

func TestKeysFaults(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.txt")
	if err := os.WriteFile(bad, []byte("# keys\nweb:123\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		args   []string
		status int
		stderr string
	}{
		{"no name", []string{"new"}, 2, "accepts 1 arg(s), received 0"},
		{
			"bad name",
			[]string{"new", "a b"},
			2, "the name must be 1 to 64 letters, digits, ., _ or -",
		},
		{
			"name with a colon",
			[]string{"new", "a:b"},
			2, "the name must be 1 to 64 letters, digits, ., _ or -, and has no colon",
		},
		{
			"negative budget",
			[]string{"new", "web", "--megapixels-per-minute=-1"},
			2, "must be a number from 1 to 1000000",
		},
		{
			"no budget at all",
			[]string{"new", "web", "--megapixels-per-minute=0"},
			2, "must be at least 1",
		},
		{"file with faults", []string{"new", "ci", "--file", bad}, 1, bad +
			":2: the second part must be"},
		{"check faults", []string{"check", bad}, 2, bad +
			":2: the second part must be the SHA-256 sum of a key, 64 hex digits, has 3"},
		{"check nothing", []string{"check", bad + ".none"}, 2, "no such file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, stdout, stderr := call(t, append([]string{"keys"}, test.args...)...)
			if status != test.status || stdout != "" || !strings.Contains(stderr, test.stderr) {
				t.Errorf("status %d, stdout %q, stderr %q; want %d and %q",
					status, stdout, stderr, test.status, test.stderr)
			}
		})
	}
}
