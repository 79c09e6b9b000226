package client_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bgremove/client"
)

// roundTrip stands for a network, where time is not real.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func respond(req *http.Request, contentType string, body io.Reader) *http.Response {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {contentType}},
		Body: io.NopCloser(body), ContentLength: -1, Request: req,
	}
}

// silent is a connection on which nothing comes and that does not break.
type silent struct{ *http.Request }

func (s silent) Read([]byte) (int, error) {
	<-s.Context().Done()
	return 0, s.Context().Err()
}

// A server that falls silent, in the middle of a body or before it, is asked again.
func TestSilence(t *testing.T) {
	const whole = `{"id": "1", "state": "succeeded"}`
	for name, tt := range map[string]struct {
		contentType, first, rest string
		call                     func(*testing.T, *client.Client) error
	}{
		"job": {"application/json", whole[:10], whole, func(t *testing.T, c *client.Client) error {
			_, err := c.Job(t.Context(), "1")
			return err
		}},
		"upload": {"application/json", "", whole, func(t *testing.T, c *client.Client) error {
			_, err := c.Submit(t.Context(), client.Bytes([]byte("picture")), nil)
			return err
		}},
		"result": {"image/png", "", "picture", func(t *testing.T, c *client.Client) error {
			var out bytes.Buffer
			_, err := c.Result(t.Context(), "1", &out)
			if err == nil && out.String() != "picture" {
				err = errors.New(out.String())
			}
			return err
		}},
		"events": {"text/event-stream", ":\n\n", "data: " +
			whole + "\n\n", func(t *testing.T, c *client.Client) (err error) {
			for _, err = range c.Events(t.Context(), "1") {
				if err != nil {
					break
				}
			}
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				network := roundTrip(func(req *http.Request) (*http.Response, error) {
					switch asked++; asked {
					case 1:
						return respond(req, tt.contentType,
							io.MultiReader(strings.NewReader(tt.first), silent{req})), nil
					case 2:
						if req.Body != nil {
							_, _ = req.Body.Read(make([]byte, 10))
						}
						<-req.Context().Done()
						return nil, req.Context().Err()
					}
					return respond(req, tt.contentType, strings.NewReader(tt.rest)), nil
				})
				begun := time.Now()
				err := tt.call(t, connect(t, client.Config{
					Server: "http://server", Patience: time.Hour,
					HTTP: &http.Client{Transport: network},
				}))
				if took := time.Since(begun); err != nil || asked != 3 || took < 4*time.Minute ||
					took > 5*time.Minute {
					t.Errorf("%v after %v and %d requests", err, took, asked)
				}
			})
		})
	}
}

// What takes its time but does not stop is not broken off: a slow upload, a slow reader.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := roundTrip(func(req *http.Request) (*http.Response, error) {
			for piece := make([]byte, 100); ; {
				if _, err := req.Body.Read(piece); err == io.EOF {
					break
				}
				<-time.After(time.Minute) // of the bubble
				if err := req.Context().Err(); err != nil {
					return nil, err
				}
			}
			return respond(req, "image/png",
				io.MultiReader(strings.NewReader("pic"), live{req, strings.NewReader("ture")})), nil
		})
		c := connect(t, client.Config{
			Server: "http://server", Patience: -1, HTTP: &http.Client{Transport: network},
		})
		if err := c.Remove(t.Context(), client.Bytes(make([]byte, 1000)), nil,
			slowWriter{}); err != nil {
			t.Error(err)
		}
	})
}

// live is a body that ends with its request.
type live struct {
	*http.Request
	io.Reader
}

func (l live) Read(p []byte) (int, error) {
	if err := l.Context().Err(); err != nil {
		return 0, err
	}
	return l.Reader.Read(p)
}

type slowWriter struct{}

func (slowWriter) Write(p []byte) (int, error) {
	<-time.After(time.Hour) // of the bubble
	return len(p), nil
}

// say is an answer in JSON or not.
func say(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, text)
	}
}

// half is an answer that breaks off in its body.
func half(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Length", "100")
	_, _ = io.WriteString(w, `{"id"`)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func TestAnswerBreaksOff(t *testing.T) {
	url, asked := fake(t, half, job)
	j, err := connect(t, client.Config{Server: url}).
		Submit(t.Context(), client.Bytes([]byte("picture")), nil)
	if err != nil || j.ID != "1" || asked.Load() != 2 {
		t.Errorf("%+v, %v after %d requests", j, err, asked.Load())
	}
	url, asked = fake(t, half, job)
	if _, err := connect(t, client.Config{Server: url}).
		Retry(t.Context(), "1"); !errors.Is(err, io.ErrUnexpectedEOF) || asked.Load() != 1 {
		t.Errorf("not safe: %v after %d requests", err, asked.Load())
	}
}

// What some other server says is no job.
func TestForeignAnswers(t *testing.T) {
	for _, text := range []string{"", "{}", `{"status": "ok"}`, "<html>", "[]", "null"} {
		url, asked := fake(t, say(text))
		c := connect(t, client.Config{Server: url})
		if j, err := c.Submit(t.Context(), client.Bytes([]byte("picture")), nil); err == nil ||
			asked.Load() != 1 {
			t.Errorf("submit, %q: %+v, %v", text, j, err)
		}
		if j, err := c.Wait(t.Context(), "1"); err == nil {
			t.Errorf("wait, %q: %+v", text, j)
		}
		for j, err := range c.Events(t.Context(), "1") {
			if err == nil || !strings.Contains(err.Error(), "text/event-stream") {
				t.Errorf("events, %q: %+v, %v", text, j, err)
			}
		}
	}
	url, _ := fake(t, say(`{"id": "1", "state": "eaten"}`))
	if _, err := connect(t, client.Config{Server: url}).Wait(t.Context(), "1"); err == nil ||
		!strings.Contains(err.Error(), `"eaten"`) {
		t.Errorf("a state that does not exist: %v", err)
	}
}

// Streams that each end after one event are not asked for at full speed.
func TestEventsPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		network := roundTrip(func(req *http.Request) (*http.Response, error) {
			asked++
			event := fmt.Sprintf("id: %d\ndata: {\"id\": \"1\", \"state\": \"running\"}\n\n", asked)
			return respond(req, "text/event-stream", strings.NewReader(event)), nil
		})
		begun := time.Now()
		for _, err := range connect(
			t, client.Config{Server: "http://server", HTTP: &http.Client{Transport: network}},
		).Events(t.Context(), "1") {
			if err != nil {
				t.Fatal(err)
			}
			if asked == 11 {
				break
			}
		}
		if took := time.Since(begun); took < 2*time.Second {
			t.Errorf("%d streams in %v", asked, took)
		}
	})
}

// Pieces of a picture are put together only where they meet.
func TestPiecesMeet(t *testing.T) {
	first := func(etag string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			if etag != "" {
				w.Header().Set("Etag", etag)
			}
			_, _ = io.WriteString(w, "01234")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	}
	for name, tt := range map[string]struct {
		etag, piece, pieceTag string
		ok                    bool
	}{
		"meets":          {`"a"`, "bytes 5-9/10", `"a"`, true},
		"without tags":   {"", "bytes 5-9/10", "", true},
		"size not known": {`"a"`, "bytes 5-9/*", `"a"`, true},
		"begins before":  {`"a"`, "bytes 0-4/10", `"a"`, false},
		"begins after":   {`"a"`, "bytes 50-54/10", `"a"`, false},
		"another":        {`"a"`, "bytes 5-9/10", `"b"`, false},
		"another size":   {"", "bytes 5-9/20", "", false},
		"no range":       {`"a"`, "", `"a"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, _ := fake(t, first(tt.etag), func(w http.ResponseWriter, r *http.Request) {
				if _, asked := r.Header["If-Range"]; asked != (tt.etag != "") {
					t.Errorf("If-Range: %q", r.Header["If-Range"])
				}
				w.Header().Set("Content-Range", tt.piece)
				w.Header().Set("Etag", tt.pieceTag)
				w.WriteHeader(http.StatusPartialContent)
				_, _ = io.WriteString(w, "56789")
			})
			var out bytes.Buffer
			_, err := connect(t, client.Config{Server: url}).Result(t.Context(), "1", &out)
			if (err == nil) != tt.ok || tt.ok && out.String() != "0123456789" {
				t.Errorf("%q, %v", out.String(), err)
			}
		})
	}
}

// What will not pass is not waited for.
func TestNotPassing(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.HandlerFunc(job))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that fail
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain, _ := fake(t, job)
	moved, _ := fake(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, secure.URL+r.URL.Path, http.StatusPermanentRedirect)
	})
	login, _ := fake(t, status(302, "Location", secure.URL+"/login"))
	for server, want := range map[string]string{
		secure.URL: "certificate", strings.Replace(plain, "http:", "https:", 1): "HTTPS client",
		moved + "/": "redirects to " + secure.URL + "/v1/queue; use " + secure.URL,
		login:       "redirects to " + secure.URL + "/login",
	} {
		begun := time.Now()
		_, err := connect(t, client.Config{Server: server, Patience: 3 * time.Second}).
			Queue(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || time.Since(begun) > 2*time.Second {
			t.Errorf("%s: %v after %v, want %q", server, err, time.Since(begun), want)
		}
		var e *client.RedirectError
		if errors.As(err, &e) && server == login && e.Server != "" {
			t.Errorf("a page to log in is taken for the server: %v", e)
		}
		_, err = connect(t, client.Config{Server: server, Patience: -1}).
			Submit(t.Context(), client.Bytes([]byte("picture")), nil)
		if errors.As(err, new(*client.RedirectError)) != (e != nil) {
			t.Errorf("%s: a picture: %v", server, err)
		}
	}
}

func TestListHasNoEnd(t *testing.T) {
	url, asked := fake(t, say(`{"jobs": [], "next_cursor": "a"}`),
		say(`{"jobs": [], "next_cursor": "b"}`), say(`{"jobs": [], "next_cursor": "a"}`))
	var last error
	for _, err := range connect(t, client.Config{Server: url}).List(t.Context(), "") {
		last = err
	}
	if last == nil || asked.Load() != 3 {
		t.Errorf("%v after %d requests", last, asked.Load())
	}
}

// A job that was cancelled is as the server says then; one that ended just before is not cancelled.
func TestCancelTellsTheTruth(t *testing.T) {
	before := say(`{"id": "1", "state": "running", "parent": "2", "options": {"crop": "true"}}`)
	url, _ := fake(t, before, say(`{"id": "1", "state": "cancelled"}`))
	j, err := connect(t, client.Config{Server: url}).Cancel(t.Context(), "1")
	if err != nil || j.State != client.Cancelled || j.Parent != "" || j.Options != nil {
		t.Errorf("%+v, %v", j, err)
	}
	url, _ = fake(t, before, status(http.StatusNoContent))
	if j, err := connect(t, client.Config{Server: url}).
		Cancel(t.Context(), "1"); !errors.Is(err, client.ErrEnded) || j.State != "" {
		t.Errorf("%+v, %v", j, err)
	}
}
