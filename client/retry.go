package client

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"
)

// call is a request that can be made more than once.
type call struct {
	method, path string
	header       map[string]string
	body         func() (body io.ReadCloser, size int64, err error) // nil for none
	// twice says that it does no harm if the server has dealt with it before: it may be sent again
	// though a first one may have arrived.
	twice bool
}

const (
	askFirst     = 1 << 20 // bytes of a body from which on the server is asked whether it wants it
	firstPause   = 200 * time.Millisecond
	longestPause = 10 * time.Second
)

// do sends the request until there is an answer that is no passing error. A status that
// is not 2xx is an *Error.
func (c *Client) do(ctx context.Context, r call) (resp *http.Response, err error) {
	err = c.patiently(ctx, r.twice, func() (err error) {
		resp, err = c.send(ctx, r) //nolint:bodyclose // the caller does
		return err
	})
	return resp, err
}

// patiently has try try until its error is no passing one.
func (c *Client) patiently(ctx context.Context, twice bool, try func() error) error {
	end := time.Now().Add(c.patience)
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := try()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		rest := pause/2 + rand.N(pause)
		var answer *Error
		if errors.As(err, &answer) {
			rest = max(rest, answer.RetryAfter)
		}
		if !passing(err, answer, twice) || time.Now().Add(rest).After(end) {
			return err
		}
		c.waiting(err, rest)
		if err := Sleep(ctx, rest); err != nil {
			return err
		}
	}
}

// passing says whether the request may be sent again, and it makes sense.
func passing(err error, answer *Error, twice bool) bool {
	switch {
	case errors.As(err, new(*bodyError)), errors.As(err, new(*RedirectError)),
		errors.As(err, new(*tls.CertificateVerificationError)),
		errors.Is(err, http.ErrSchemeMismatch):
		return false
	case answer == nil: // no answer: it may have arrived
		return twice
	case answer.Status == http.StatusTooManyRequests,
		// which may have been lost on the way back
		answer.Status == http.StatusServiceUnavailable && answer.RetryAfter > 0 &&
			answer.Code != "queue_unavailable":
		return true // it was refused
	case answer.Code == "wait_over":
		return false
	}
	// A gateway without a server behind it may say 404 as well; ours has a code.
	return twice &&
		(answer.Status == http.StatusServiceUnavailable || answer.Status == http.StatusBadGateway ||
			answer.Status == http.StatusGatewayTimeout ||
			answer.Status == http.StatusNotFound && answer.Code == "")
}

// bodyError is a fault of what was to be sent.
type bodyError struct{ error }

func (e *bodyError) Unwrap() error { return e.error }

func (c *Client) send(ctx context.Context, r call) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, nil)
	if err != nil {
		return nil, &bodyError{err}
	}
	if r.body != nil {
		body, size, err := r.body()
		if err != nil {
			return nil, &bodyError{err}
		}
		req.Body, req.ContentLength = body, size
		// a redirect that is not gone after shows only where it could be
		req.GetBody = func() (io.ReadCloser, error) {
			body, _, err := r.body()
			if err != nil {
				return nil, &bodyError{err}
			}
			return body, nil
		}
		if size > askFirst {
			req.Header.Set("Expect", "100-continue")
		}
	}
	req.Header.Set("User-Agent", "bgremove-client")
	if c.key != "" {
		req.Header.Set("X-Api-Key", c.key)
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, readError(resp)
	}
	return resp, nil
}

const maxJSON = 16 << 20 // bytes of an answer

var errNoContent = errors.New("it has no content")

// ask sends the request and reads the JSON of the answer into out, unless that is nil. An answer
// that breaks off is none. One without content, where there is an out, is errNoContent.
func (c *Client) ask(ctx context.Context, r call, out any) error {
	var status int
	var data []byte
	err := c.patiently(ctx, r.twice, func() error {
		resp, err := c.send(ctx, r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		status = resp.StatusCode
		if data, err = io.ReadAll(io.LimitReader(resp.Body, maxJSON)); err != nil {
			return fmt.Errorf("read the answer to %s %s: %w", r.method, r.path, err)
		}
		return nil
	})
	if err != nil || out == nil {
		return err
	}
	if status == http.StatusNoContent {
		err = errNoContent
	} else {
		err = json.Unmarshal(data, out)
	}
	if err != nil {
		return r.strange(err)
	}
	return nil
}

// strange is an answer that is not the server's own.
func (r call) strange(err error) error {
	return fmt.Errorf("the answer to %s %s is not bgremove's: %w", r.method, r.path, err)
}

// askJob is ask for an answer that is a job.
func (c *Client) askJob(ctx context.Context, r call) (Job, error) {
	var j Job
	err := c.ask(ctx, r, &j)
	if err == nil && j.ID == "" {
		err = r.strange(errors.New("it is no job"))
	}
	return j, err
}

// Sleep waits for d, or returns why ctx ended before.
func Sleep(ctx context.Context, d time.Duration) error {
	rest, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-rest.Done()
	return ctx.Err()
}
