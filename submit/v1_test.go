package submit

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bgremove/client"
)

// forgetful is a server whose jobs are gone the first times that they are asked for, as after a restart without memory.
type forgetful struct {
	mu        sync.Mutex
	gone      int
	submitted map[string]int // by idempotency key
}

func (s *forgetful) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = io.Copy(io.Discard, r.Body)
	switch {
	case r.Method == http.MethodPost:
		s.submitted[r.Header.Get("Idempotency-Key")]++
		_, _ = io.WriteString(w, `{"id": "1", "state": "queued"}`)
	case s.gone > 0:
		s.gone--
		w.Header().Set("X-Error-Code", "not_found")
		w.WriteHeader(http.StatusNotFound)
	case strings.HasSuffix(r.URL.Path, "/result"):
		w.Header().Set("Content-Type", "image/png")
		_, _ = io.WriteString(w, "cut-out")
	default:
		_, _ = io.WriteString(w, `{"id": "1", "state": "succeeded", "result": {}}`)
	}
}

func TestLostJobs(t *testing.T) {
	for _, tt := range []struct {
		gone, sent int
		ok         bool
	}{{0, 1, true}, {2, 3, true}, {100, maxLost + 1, false}} {
		server := &forgetful{gone: tt.gone, submitted: map[string]int{}}
		s := httptest.NewServer(server)
		c, err := client.New(client.Config{Server: s.URL})
		must(t, err)
		in := filepath.Join(t.TempDir(), "photo.jpg")
		write(t, in, "picture")
		j := open(t, t.TempDir(), "")
		var out bytes.Buffer
		contentType, err := (&V1{Client: c, Journal: j}).Cut(t.Context(), in, "photo", &out)
		if (err == nil) != tt.ok || len(server.submitted) != tt.sent || tt.ok && (contentType != "image/png" || out.String() != "cut-out") {
			t.Errorf("gone %d times: %v, %s %q, sent with %d keys, want %d", tt.gone, err, contentType, out.String(), len(server.submitted), tt.sent)
		}
		must(t, j.Close(true))
		c.Close()
		s.Close()
	}
}

// The tutorial's API: the server is full at first, and says that it has succeeded before it has the picture.
func TestSeed(t *testing.T) {
	var posts, polls int
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := map[string]string{"job_id": "1", "job_status": "RUNNING"}
		switch r.URL.Path {
		case "/start_job":
			var body struct{ Image []byte }
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil || string(body.Image) != "picture" {
				t.Errorf("%q, %v", body.Image, err)
			}
			if posts++; posts == 1 {
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
		case "/get_job/1":
			if polls++; polls > 1 {
				answer["job_status"] = "SUCCEED"
			}
			if polls > 2 {
				answer["img_out_base64"] = base64.StdEncoding.EncodeToString([]byte("cut-out"))
			}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	defer s.Close()
	in := filepath.Join(t.TempDir(), "photo.jpg")
	write(t, in, "picture")
	seed := &Seed{Server: s.URL, Polls: 10, Every: time.Millisecond, Patience: time.Minute, HTTP: s.Client()}
	var out bytes.Buffer
	if contentType, err := seed.Cut(t.Context(), in, "", &out); err != nil || contentType != "image/png" || out.String() != "cut-out" || polls != 3 {
		t.Errorf("%s %q after %d questions, %v", contentType, out.String(), polls, err)
	}
	polls = -10
	if _, err := seed.Cut(t.Context(), in, "", &out); err == nil || !strings.Contains(err.Error(), "10 questions") {
		t.Errorf("never done: %v", err)
	}
	if _, err := seed.Cut(t.Context(), in+"?", "", &out); !errors.Is(err, os.ErrNotExist) || seed.Hopeless(t.Context(), err) {
		t.Errorf("no file: %v", err)
	}
	s.Close()
	seed.Patience = 0
	if _, err := seed.Cut(t.Context(), in, "", &out); !seed.Hopeless(t.Context(), err) {
		t.Errorf("no server: %v", err)
	}
}
