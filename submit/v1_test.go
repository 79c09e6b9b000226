package submit

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"bgremove/client"
)

// forgetful is a server whose jobs are gone the first times that they are asked for, as after a
// restart without memory.
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
		if (err == nil) != tt.ok || len(server.submitted) != tt.sent ||
			tt.ok && (contentType != "image/png" || out.String() != "cut-out") {
			t.Errorf("gone %d times: %v, %s %q, sent with %d keys, want %d",
				tt.gone, err, contentType, out.String(), len(server.submitted), tt.sent)
		}
		must(t, j.Close(true))
		c.Close()
		s.Close()
	}
}

// A result that has not as many bytes as the server said is none.
func TestCutOff(t *testing.T) {
	for text, ok := range map[string]bool{
		"cut-out": true, "cut": false, "cut-out and more": false,
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if !strings.HasSuffix(r.URL.Path, "/result") {
				_, _ = io.WriteString(w,
					`{"id": "1", "state": "succeeded", "result": {"bytes": 7}}`)
				return
			}
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, "HTTP/1.0 200 OK\r\nContent-Type: image/png\r\n\r\n"+text)
		}))
		c, err := client.New(client.Config{Server: s.URL})
		must(t, err)
		in := filepath.Join(t.TempDir(), "photo.jpg")
		write(t, in, "picture")
		j := open(t, t.TempDir(), "")
		var out bytes.Buffer
		if _, err := (&V1{Client: c, Journal: j}).Cut(t.Context(), in, "photo",
			&out); (err == nil) != ok || out.Len() > 7 {
			t.Errorf("%q: %v, %q", text, err, out.String())
		}
		must(t, j.Close(true))
		c.Close()
		s.Close()
	}
}

// Options that the server wants with no picture end the run, those that do not
// suit some pictures do not.
func TestOptionsRefused(t *testing.T) {
	refusal := func(text string) error {
		return &client.Error{Status: 400, Code: "bad_option", Detail: text}
	}
	general, size := refusal("there is no option shadow"),
		refusal("mask: has 60×45 px, the image 80×60 px")
	for name, tt := range map[string]struct {
		accepted bool
		errs     []error
		want     bool // after the last
	}{
		"once":              {false, []error{general}, false},
		"twice":             {false, []error{general, general}, false},
		"always":            {false, []error{general, general, general}, true},
		"one was accepted":  {true, []error{general, general, general, general}, false},
		"about the picture": {false, []error{size, size, size, size}, false},
		"one after the other": {
			false,
			[]error{general, refusal("roi: is empty"), general, refusal("roi: is empty")},
			false,
		},
	} {
		s := &V1{}
		if tt.accepted {
			s.accept()
		}
		got := false
		for _, err := range tt.errs {
			got = s.Hopeless(t.Context(), err)
		}
		if got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
