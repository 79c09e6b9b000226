package client_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bgremove/client"
)

// fake serves answers in turn, the last one for good. It stands for servers that are in trouble,
// which a real one is not on demand.
func fake(t *testing.T, answers ...http.HandlerFunc) (url string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i := asked.Add(1)
		answers[min(int(i), len(answers))-1](w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func status(code int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
	}
}

func breakOff(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func job(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = io.WriteString(w, `{"id": "1", "state": "queued"}`)
}

func TestRetries(t *testing.T) {
	busy, away := status(429, "Retry-After", "1"), status(503)
	submit := func(c *client.Client) error {
		_, err := c.Submit(t.Context(), client.Bytes([]byte("picture")), nil)
		return err
	}
	again := func(c *client.Client) error { _, err := c.Retry(t.Context(), "1"); return err }
	for name, tt := range map[string]struct {
		call    func(*client.Client) error
		answers []http.HandlerFunc
		asked   int64
		ok      bool
	}{
		"queue full":        {submit, []http.HandlerFunc{busy, busy, job}, 3, true},
		"connection breaks": {submit, []http.HandlerFunc{breakOff, job}, 2, true},
		"gateway away": {
			submit, []http.HandlerFunc{status(502), away, job}, 3, true,
		},
		"gateway without a server": {submit, []http.HandlerFunc{status(404), job}, 2, true},
		"not found": {
			submit, []http.HandlerFunc{status(404, "X-Error-Code", "not_found"), job}, 1, false,
		},
		"not safe: the answer may be lost": {again, []http.HandlerFunc{status(503, "Retry-After",
			"1", "X-Error-Code", "queue_unavailable"), job}, 1, false},
		"bad request": {
			submit, []http.HandlerFunc{status(400), job}, 1, false,
		},
		"not safe: refused":             {again, []http.HandlerFunc{busy, job}, 2, true},
		"not safe: connection breaks":   {again, []http.HandlerFunc{breakOff, job}, 1, false},
		"not safe: away without a word": {again, []http.HandlerFunc{away, job}, 1, false},
		"told to come back after too long": {
			submit, []http.HandlerFunc{status(429, "Retry-After", "3600"), job}, 1, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, asked := fake(t, tt.answers...)
			begun := time.Now()
			err := tt.call(connect(t, client.Config{Server: url, Patience: time.Minute}))
			if (err == nil) != tt.ok || asked.Load() != tt.asked {
				t.Errorf("%v after %d requests, want %d", err, asked.Load(), tt.asked)
			}
			if name == "queue full" && time.Since(begun) < 2*time.Second {
				t.Errorf("came back after %v, was told 1 s twice", time.Since(begun))
			}
		})
	}
}

// Waiting is told why, and for how long, before each pause; without patience there is none.
func TestWaiting(t *testing.T) {
	url, _ := fake(t, status(429, "Retry-After", "1", "X-Error-Code", "queue_full"),
		status(502), job)
	var told []string
	c := connect(t, client.Config{Server: url, Waiting: func(err error, pause time.Duration) {
		var answer *client.Error
		if !errors.As(err, &answer) || pause < answer.RetryAfter || pause == 0 {
			t.Errorf("%v, %v", err, pause)
			return
		}
		told = append(told, fmt.Sprint(answer.Status))
	}})
	if _, err := c.Submit(t.Context(), client.Bytes([]byte("picture")), nil); err != nil ||
		strings.Join(told, " ") != "429 502" {
		t.Errorf("%v after %q", err, told)
	}
	url, _ = fake(t, status(429))
	c = connect(t, client.Config{
		Server: url, Patience: -1, Waiting: func(error, time.Duration) { t.Error("it waits") },
	})
	if _, err := c.Queue(t.Context()); err == nil {
		t.Error("no error")
	}
}

func TestNoPatience(t *testing.T) {
	url, asked := fake(t, status(429, "Retry-After", "1"))
	_, err := connect(t, client.Config{Server: url, Patience: -1}).Queue(t.Context())
	var e *client.Error
	if !errors.As(err, &e) || e.RetryAfter != time.Second || asked.Load() != 1 {
		t.Errorf("%v after %d requests", err, asked.Load())
	}
}

// A result whose connection breaks is gone on with where it broke, and not if
// it is another by then.
func TestResultGoesOn(t *testing.T) {
	picture := bytes.Repeat([]byte("0123456789"), 10_000)
	half := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Etag", `"a"`)
		w.Header().Set("Content-Length", "100000")
		_, _ = w.Write(picture[:50_000])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	rest := func(etag string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Etag", etag)
			w.Header().Set("Content-Type", "image/png")
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(picture))
		}
	}
	var out bytes.Buffer
	url, _ := fake(t, half, rest(`"a"`))
	contentType, err := connect(t, client.Config{Server: url}).Result(t.Context(), "1", &out)
	if err != nil || contentType != "image/png" || !bytes.Equal(out.Bytes(), picture) {
		t.Errorf("%s, %d bytes, %v", contentType, out.Len(), err)
	}
	url, _ = fake(t, half, rest(`"b"`))
	if _, err := connect(t, client.Config{Server: url}).Result(t.Context(), "1",
		io.Discard); err == nil || !strings.Contains(err.Error(), "changed") {
		t.Errorf("another result: %v", err)
	}
}

// A stream that breaks is taken up again, with the number of the last event.
func TestEventsGoOn(t *testing.T) {
	event := func(id, state string) string {
		return "id: " + id + "\nevent: " + state + "\ndata: {\"id\": \"1\", \"state\": \"" +
			state + "\"}\n\n"
	}
	first := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, ":\n\n"+event("1", "queued")+"id: 2\ndata: {\"id\"")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	second := func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Last-Event-ID") != "1" {
			t.Errorf("Last-Event-ID: %q", r.Header.Get("Last-Event-ID"))
		}
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		_, _ = io.WriteString(w, event("2", "running")+event("3", "succeeded"))
	}
	url, _ := fake(t, first, second)
	var states []string
	for j, err := range connect(t, client.Config{Server: url}).Events(t.Context(), "1") {
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, string(j.State))
	}
	if got := strings.Join(states, " "); got != "queued running succeeded" {
		t.Error(got)
	}
}

func TestUnreadablePicture(t *testing.T) {
	url, asked := fake(t, job)
	c := connect(t, client.Config{Server: url})
	if _, err := c.Submit(t.Context(), client.File(filepath.Join(t.TempDir(), "none.jpg")),
		nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, want ErrNotExist", err)
	}
	if _, err := c.Submit(t.Context(), client.File(t.TempDir()), nil); err == nil {
		t.Error("a folder was sent")
	}
	shrinking := client.Picture{Open: func() (io.ReadCloser, int64, error) {
		return io.NopCloser(strings.NewReader("abc")), 10, nil
	}}
	if _, err := c.Submit(t.Context(), shrinking, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v, want ErrUnexpectedEOF", err)
	}
	if asked.Load() > 1 {
		t.Errorf("%d requests", asked.Load())
	}
}

// The key goes to no other server.
func TestRedirects(t *testing.T) {
	other, asked := fake(t, job)
	url, _ := fake(t, status(307, "Location", other+"/v1/queue"))
	for _, own := range []*http.Client{nil, {}} {
		c := connect(t, client.Config{Server: url, Key: "bgr_secret", Patience: -1, HTTP: own})
		if _, err := c.Queue(t.Context()); err == nil || asked.Load() != 0 {
			t.Errorf("%v, the other server was asked %d times", err, asked.Load())
		}
	}
}
