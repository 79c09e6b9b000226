package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// brokenPicture begins as a picture does.
const brokenPicture = "\x89PNG\r\n\x1a\nno more"

// jobServer stands for a server of which each picture has a job of its own, and for one in trouble.
type jobServer struct {
	*httptest.Server
	trouble http.HandlerFunc // answers in its stead once it has been asked whether it is there

	mu    sync.Mutex
	asked int // requests
}

func newJobServer(t *testing.T, trouble http.HandlerFunc) *jobServer {
	t.Helper()
	s := &jobServer{trouble: trouble}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *jobServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	s.asked++
	id := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/v1/jobs/"), "/result")
	switch {
	case s.trouble != nil && s.asked > 1:
		s.trouble(w, r)
	case r.URL.Path == "/v1/queue":
		_, _ = io.WriteString(w, "{}")
	case r.Method == http.MethodPost:
		if id = r.Header.Get("Idempotency-Key"); bytes.Contains(body, []byte(brokenPicture)) {
			id = "broken"
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"id": id, "state": "queued"})
	case strings.HasSuffix(r.URL.Path, "/result"):
		w.Header().Set("Content-Type", "image/png")
		_, _ = io.WriteString(w, "cut-out by "+id)
	case id == "broken":
		_ = json.NewEncoder(w).Encode(map[string]string{"id": id, "state": "failed"})
	default:
		_ = json.NewEncoder(w).Encode(map[string]string{"id": id, "state": "succeeded"})
	}
}

// Nothing is sent where the command line is wrong.
func TestSubmitUsage(t *testing.T) {
	in, file := album(t, 1), filepath.Join(t.TempDir(), "file")
	server := newJobServer(t, nil)
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-o", file}, "-o: " + file + " is a file"},
		{nil, "-o: is needed"},
		{[]string{"-", "-o", t.TempDir()}, "bgremove: -: stdin and stdout are for remove"},
		{[]string{"-o", "-"}, "bgremove: -: stdin and stdout are for remove"},
		{[]string{"-o", file + ".png"}, "-o: " +
			file + ".png is the name of a file, and OUT a folder; end it with /"},
		{[]string{"-o", file + ".ZIP"}, "is the name of a file"},
		{
			[]string{"-o", t.TempDir(), "--seed-api", "--format=jpg"},
			"bgremove: --seed-api: that API has no options for pictures, such as --format",
		},
		{
			[]string{"-o", t.TempDir(), "--host=localhost", "--port=1"},
			"--server, and --host with --port, say the same",
		},
		{[]string{"-o", t.TempDir(), "--seed-api", "--priority=normal"}, "--priority"},
		{[]string{"-o", t.TempDir(), "--seed-api", "--ttl=1h"}, "--ttl"},
		{[]string{"-o", t.TempDir(), "--seed-api", "--key-file=" + file}, "--key-file"},
	} {
		status, _, stderr := call(t,
			append([]string{"submit", in, "--server", server.URL}, tt.args...)...)
		if status != exitUsage || !strings.Contains(stderr, tt.want) {
			t.Errorf("%v: status %d, %q", tt.args, status, stderr)
		}
	}
	if server.asked > 0 {
		t.Errorf("the server was asked %d times", server.asked)
	}
}

// Where all is done the server need not be there; else it must, at the start.
func TestSubmitServerAway(t *testing.T) {
	in, out := album(t, 3), filepath.Join(t.TempDir(), "out")
	server := newJobServer(t, nil)
	submit := []string{"submit", in, "-o", out, "--server", server.URL}
	if status, _, stderr := call(t, submit...); status != 0 {
		t.Fatalf("status %d, %q", status, stderr)
	}
	server.Close()
	for _, tt := range []struct {
		more   []string
		status int
		want   string
	}{
		{nil, 0, "3 skipped"},
		{[]string{"--seed-api"}, 0, "3 skipped"},
		{[]string{"--force"}, exitFailure, "no answer from " + server.URL + ": connection refused"},
		{[]string{"--force", "--seed-api"}, exitFailure, "no answer from " +
			server.URL + ": connection refused"},
	} {
		if status, _, stderr := call(t, slices.Concat(submit, tt.more)...); status != tt.status ||
			!strings.Contains(stderr, tt.want) {
			t.Errorf("%v: status %d, %q", tt.more, status, stderr)
		}
	}
}

// A run that is given up says why, as the commands do whose server is away, and how much is left.
func TestSubmitGivesUp(t *testing.T) {
	elsewhere := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://cutouts.example.com"+r.URL.Path, http.StatusPermanentRedirect)
	}
	refuse := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Error-Code", "auth_failed")
		w.WriteHeader(http.StatusUnauthorized)
	}
	noOption := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Error-Code", "bad_option")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"detail": "there is no option crop here"}`)
	}
	for want, tt := range map[string]struct {
		trouble http.HandlerFunc
		left    int
	}{
		"; use https://cutouts.example.com": {elsewhere, 5},
		"--key-file":                        {refuse, 5},
		"there is no option crop here":      {noOption, 3},
	} {
		server := newJobServer(t, tt.trouble)
		status, _, stderr := call(t, "submit", album(t, 5), "-o", t.TempDir(), "--server",
			server.URL, "-j", "1")
		if status != exitFailure || !strings.Contains(stderr, "gave up: ") ||
			!strings.Contains(stderr, want) ||
			!strings.Contains(stderr, fmt.Sprintf("%d of 5 left", tt.left)) ||
			strings.Contains(stderr, "interrupted") || strings.Contains(stderr, `"http`) {
			t.Errorf("status %d, want %q:\n%s", status, want, stderr)
		}
	}
}

// A result that was deleted, or is to be written anew, is made anew, though the journal is there
// yet: the other picture has failed.
func TestSubmitAnew(t *testing.T) {
	in, out := album(t, 1), filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(filepath.Join(in, "broken.png"), []byte(brokenPicture),
		0o600); err != nil {
		t.Fatal(err)
	}
	server := newJobServer(t, nil)
	result := filepath.Join(out, "day 0", "photo000.png")
	submit := []string{"submit", in, "-o", out, "--server", server.URL, "-j", "1"}
	var made []string // the result after each run
	for _, more := range [][]string{nil, nil, {"--force"}} {
		if status, _, stderr := call(t, slices.Concat(submit, more)...); status != exitFailure ||
			!strings.Contains(stderr, "1 done, 1 failed") {
			t.Fatalf("%v: status %d, %q", more, status, stderr)
		}
		made = append(made, read(t, result))
		if len(made) == 1 {
			if err := os.Remove(result); err != nil {
				t.Fatal(err)
			}
		}
	}
	if made[0] == made[1] || made[1] == made[2] {
		t.Errorf("an earlier job's: %q", made)
	}
}

// OUT may be called like a picture where it is, or is said to be, a folder.
func TestSubmitFolderLikePicture(t *testing.T) {
	in, out := album(t, 1), filepath.Join(t.TempDir(), "out.png")
	server := newJobServer(t, nil)
	for _, dir := range []string{out + "/", out} {
		if status, _, stderr := call(t, "submit", in, "-o", dir, "--server",
			server.URL); status != 0 {
			t.Errorf("%s: status %d, %q", dir, status, stderr)
		}
	}
	if _, stdout, _ := call(t, "submit", "--help"); strings.Contains(stdout, "that of OUT") {
		t.Error("the help speaks of a format that OUT says")
	}
}

// Who goes on with other options is told of the results that are kept.
func TestSubmitOtherOptions(t *testing.T) {
	in, out := album(t, 3), filepath.Join(t.TempDir(), "out")
	// the journal is kept
	if err := os.WriteFile(filepath.Join(in, "broken.png"), []byte(brokenPicture),
		0o600); err != nil {
		t.Fatal(err)
	}
	server := newJobServer(t, nil)
	const told = "kept 3 results made with other options; --force makes all anew\n"
	for _, run := range []struct {
		args string
		told bool
	}{
		{"--bg-color green", false},
		{"--bg-color green --priority normal", false},
		{"--bg-color yellow", true},
		{"--bg-color yellow -q", false},
		{"--bg-color yellow", true},
		{"--bg-color yellow --force", false},
		{"--bg-color yellow", false},
	} {
		args := append([]string{"submit", in, "-o", out, "--server", server.URL},
			strings.Fields(run.args)...)
		if status, _, stderr := call(t, args...); status != exitFailure ||
			strings.Contains(stderr, told) != run.told {
			t.Errorf("%s: status %d, %q", run.args, status, stderr)
		}
	}
}

// A job that never ends is waited for as long as --timeout says, to the second or not.
func TestSubmitSeedTimeout(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"job_id": "1", "job_status": "RUNNING"}`)
	}))
	defer server.Close()
	begun := time.Now()
	status, _, stderr := call(t, "submit", album(t, 1), "-o", t.TempDir(), "--server", server.URL,
		"--seed-api", "--timeout", "300ms")
	if status != exitFailure || !strings.Contains(stderr, "no result within 300ms") ||
		time.Since(begun) > 20*time.Second {
		t.Errorf("status %d after %v, %q", status, time.Since(begun), stderr)
	}
}
