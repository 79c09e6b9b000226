package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// longestAnswer is how long nothing may pass of a request and its answer: twice what the
// server makes anybody wait.
const longestAnswer = 2 * time.Minute

var errSilent = fmt.Errorf("nothing came for %v", longestAnswer)

// Transport sends requests as a Client does unless told otherwise: as http.DefaultTransport with
// its proxies and timeouts, but a request of which nothing passes for 2 minutes, in either
// direction, ends with an error. Without roots it trusts those of the system.
func Transport(roots *x509.CertPool) http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 256
	t.MaxIdleConns = t.MaxIdleConnsPerHost
	if roots != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	// Below the server's, or a connection that it closes just as it is used again
	// reads as a broken one.
	t.IdleConnTimeout = 30 * time.Second
	return watched{t}
}

// watched ends requests that have come to a standstill.
type watched struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t watched) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	w := &watchdog{ctx: ctx, cancel: cancel, timer: time.AfterFunc(longestAnswer,
		func() { cancel(errSilent) })}
	req = req.WithContext(ctx)
	if req.Body != nil && req.Body != http.NoBody {
		req.Body = upload{req.Body, w}
	}
	if again := req.GetBody; again != nil {
		req.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			return upload{body, w}, err
		}
	}
	resp, err := t.RoundTripper.RoundTrip(req)
	w.sent()
	if err != nil {
		err = w.explain(err)
		cancel(nil)
		return nil, err
	}
	resp.Body = answer{resp.Body, w}
	return resp, nil
}

// CloseIdleConnections is what http.Client looks for.
func (t watched) CloseIdleConnections() {
	if inner, ok := t.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		inner.CloseIdleConnections()
	}
}

// watchdog is of one request. Its timer runs while something is to come.
type watchdog struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer

	mu       sync.Mutex
	answered bool
}

// passes says that something of the request did. There may be an answer before all of it has.
func (w *watchdog) passes() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.answered {
		w.timer.Reset(longestAnswer)
	}
}

func (w *watchdog) sent() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answered = true
	w.timer.Stop()
}

func (w *watchdog) explain(err error) error {
	if errors.Is(context.Cause(w.ctx), errSilent) {
		return errSilent
	}
	return err
}

// upload is the body of a request.
type upload struct {
	io.ReadCloser
	*watchdog
}

func (u upload) Read(p []byte) (int, error) {
	u.passes()
	return u.ReadCloser.Read(p)
}

// answer is the body of a response. Between two reads its reader may take its time.
type answer struct {
	io.ReadCloser
	*watchdog
}

func (a answer) Read(p []byte) (int, error) {
	a.timer.Reset(longestAnswer)
	n, err := a.ReadCloser.Read(p)
	a.timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) {
		err = a.explain(err)
	}
	return n, err
}

func (a answer) Close() error {
	err := a.ReadCloser.Close()
	a.timer.Stop()
	a.cancel(nil)
	return err
}
