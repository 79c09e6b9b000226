package openapitest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// Transport checks what passes through next, and fails the test for an answer that the
// document does not allow. A request counts as wrong only if the server took it: tests send
// wrong ones on purpose.
func (c *Checker) Transport(t testing.TB, next http.RoundTripper) http.RoundTripper {
	return &transport{checker: c, t: t, next: next}
}

type transport struct {
	checker *Checker
	t       testing.TB
	next    http.RoundTripper
}

// CloseIdleConnections is what http.Client.CloseIdleConnections looks for.
func (tr *transport) CloseIdleConnections() {
	if next, ok := tr.next.(interface{ CloseIdleConnections() }); ok {
		next.CloseIdleConnections()
	}
}

// RoundTrip implements http.RoundTripper. But for streams of events it returns once the
// whole answer is there.
func (tr *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := &recording{}
	sending := r.Clone(r.Context())
	if r.Body != nil && r.Body != http.NoBody {
		sent.src, sending.Body = r.Body, sent
	}
	resp, err := tr.next.RoundTrip(sending)
	if err != nil {
		return nil, err
	}
	resp.Request = r
	e := exchange{request: r, answer: resp}
	stream := strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream")
	if !stream {
		e.body, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(e.body), failing{err}))
		if err != nil {
			return resp, nil // broken off on the way: who reads it finds out
		}
	}
	e.sent, e.whole = sent.all()
	for _, fault := range tr.checker.check(r.Context(), e) {
		tr.t.Errorf("%s %s answered %d: %s", r.Method, r.URL.Path, resp.StatusCode, fault)
	}
	if stream {
		resp.Body = &events{ReadCloser: resp.Body, t: tr.t, job: tr.checker.job}
	}
	return resp, nil
}

// recording keeps what is read of a request's body. The connection may go on reading it while the
// answer is there already.
type recording struct {
	src io.ReadCloser // nil for no body

	mu    sync.Mutex
	data  bytes.Buffer
	ended bool
}

// Read implements io.Reader.
func (b *recording) Read(p []byte) (int, error) {
	n, err := b.src.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data.Write(p[:n])
	b.ended = b.ended || errors.Is(err, io.EOF)
	return n, err
}

// Close implements io.Closer.
func (b *recording) Close() error { return b.src.Close() }

// all is the body so far, and whether that is all of it.
func (b *recording) all() (data []byte, whole bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.data.Bytes()), b.src == nil || b.ended
}

// failing ends a body as it ended.
type failing struct{ err error }

// Read implements io.Reader.
func (f failing) Read([]byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return 0, io.EOF
}
