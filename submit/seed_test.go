package submit

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The tutorial's API: the server is full at first, and says that it has succeeded
// before it has the picture.
func TestSeed(t *testing.T) {
	var posts, polls int
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := map[string]string{"job_id": "1", "job_status": "RUNNING"}
		switch r.URL.Path {
		case "/start_job":
			var body struct{ Image []byte }
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil ||
				string(body.Image) != "picture" {
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
	seed := &Seed{Server: s.URL, Every: time.Millisecond, Patience: time.Minute, HTTP: s.Client()}
	var out bytes.Buffer
	if contentType, err := seed.Cut(t.Context(), in, "", &out); err != nil ||
		contentType != "image/png" || out.String() != "cut-out" || polls != 3 {
		t.Errorf("%s %q after %d questions, %v", contentType, out.String(), polls, err)
	}
	polls = -1 << 40
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := seed.Cut(ctx, in, "", &out); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("never done: %v", err)
	}
	if _, err := seed.Cut(t.Context(), in+"?", "", &out); !errors.Is(err, os.ErrNotExist) ||
		seed.Hopeless(t.Context(), err) {
		t.Errorf("no file: %v", err)
	}
	s.Close()
	seed.Patience = 0
	if _, err := seed.Cut(t.Context(), in, "", &out); !seed.Hopeless(t.Context(), err) {
		t.Errorf("no server: %v", err)
	}
}

// A file is sent again where no connection came about, and not where one broke; then the
// others are gone on with.
func TestSeedConnections(t *testing.T) {
	var posts, dials atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Method == http.MethodPost {
			posts.Add(1)
			panic(http.ErrAbortHandler)
		}
	}))
	defer s.Close()
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials.Add(1) == 1 {
				return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	}
	defer transport.CloseIdleConnections()
	in := filepath.Join(t.TempDir(), "photo.jpg")
	write(t, in, "picture")
	seed := &Seed{Server: s.URL, Patience: time.Minute, HTTP: &http.Client{Transport: transport}}
	if _, err := seed.Cut(t.Context(), in, "", io.Discard); err == nil || posts.Load() != 1 ||
		seed.Hopeless(t.Context(), err) {
		t.Errorf("%v after %d connections, sent %d times", err, dials.Load(), posts.Load())
	}
}
