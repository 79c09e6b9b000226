package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The commands of docs/security.md make keys and a certificate, and use them; in between the server
// is started as it says there.
func (b binary) testSecurityGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(guide, -1)
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of commands, want 2", len(blocks))
	}
	dir := t.TempDir()
	if err := os.Symlink(b.path, filepath.Join(dir, "bgremove")); err != nil {
		t.Fatal(err)
	}
	run := func(commands string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", commands)
		cmd.Dir, cmd.Env = dir, []string{
			"HOME=" + dir, "PATH=" + dir + ":" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0",
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s\n%v: %s", commands, err, out)
		}
		return string(out)
	}
	if out := run(string(blocks[0][1])); !strings.Contains(out,
		"ok, 1 key\nalice: 600 megapixels a minute\n") {
		t.Errorf("the first commands say %q", out)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	p := b.serve(t, "all", "--ephemeral", "--proxy-api-keys-file="+in("keys.txt"),
		"--proxy-tls-cert="+in("tls.crt"), "--proxy-tls-key="+in("tls.key"))
	found := regexp.MustCompile(`proxy on https://127.0.0.1(:\d+)`).
		FindStringSubmatch(p.stdout.String())
	if found == nil {
		t.Fatalf("no address in %q", p.stdout.String())
	}
	atOurPort := strings.NewReplacer("https://localhost:5000", "https://localhost"+found[1]).Replace
	if out := run(atOurPort(string(blocks[1][1]))); strings.Count(out, `"status":"ok"`) != 2 {
		t.Errorf("the second commands say %q", out)
	}

	status := "curl -sS --cacert tls.crt -o /dev/null -w '%{http_code} %{http_version}' "
	url := "https://localhost" + found[1]
	if out := run(status + url + "/metadata"); out != "401 2" {
		t.Errorf("without a key: %s", out)
	}
	if out := run(status + "-H 'X-Api-Key: bgr_0' " + url + "/metadata"); out != "403 2" {
		t.Errorf("with a wrong key: %s", out)
	}
	run("bgremove keys new bob --file keys.txt > bob.key; sed -i /^alice:/d keys.txt")
	within(t, 10*time.Second, "the change of the keys", func() bool {
		return run(status+`-H "X-Api-Key: $(cat bob.key)" `+url+"/metadata") == "200 2" &&
			run(status+`-H "X-Api-Key: $(cat alice.key)" `+url+"/metadata") == "403 2"
	})
	key, err := os.ReadFile(in("bob.key"))
	if err != nil {
		t.Fatal(err)
	}
	if log := p.stderr.String(); strings.Contains(log, strings.TrimSpace(string(key))) ||
		strings.Contains(log, "asks for no key") {
		t.Errorf("log: %s", log)
	}
	p.stop(t)
}

// A file of keys or a certificate that cannot be used ends the start; an open server is warned of.
func (b binary) testBadKeysAndCertificates(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, []byte("bad\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.launch(t, "all", "--proxy-api-keys-file="+bad).
		wantFault(t, 2, "proxy.api_keys_file: "+bad+":1: must be name:sha256")
	b.launch(t, "all", "--proxy-api-keys-file="+bad+".none").
		wantFault(t, 2, "proxy.api_keys_file: open "+bad+".none")
	b.launch(t, "all", "--proxy-tls-cert="+bad, "--proxy-tls-key="+bad).
		wantFault(t, 2, "proxy.tls_cert and proxy.tls_key: bad certificate")
	b.launch(t, "all", "--proxy-tls-cert="+bad).
		wantFault(t, 2, "proxy.tls_cert: must be set together with tls_key")
	p := b.run(t, "serve", "all", "--ephemeral", "--proxy-addr=:0", "--predict-addr=127.0.0.1:0")
	p.untilReady(t)
	if log := p.stderr.String(); !strings.Contains(log, "level=WARN") ||
		!strings.Contains(log, "asks for no key and listens on other addresses than loopback") {
		t.Errorf("log: %s", log)
	}
}
