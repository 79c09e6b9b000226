package httpserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"

	"github.com/labstack/echo/v4"

	"bgremove/fault"
)

// firstRead is how much memory is had for a body before any of it has come, in bytes.
const firstRead = 96 << 10

// uploads counts the bytes of request bodies that all requests together hold.
type uploads struct {
	max  int64
	used atomic.Int64
}

// body is a request body under the server's limit and the budget of uploads.
type body struct {
	src     io.ReadCloser
	server  *Server
	http2   bool
	read    int64 // never more than one byte over the limit
	charged int64 // bytes of uploads held
	err     error // how reading ended, if it was neither well nor yet
	cut     bool  // err is this server's doing, and the client goes on sending
}

// boundBody refuses a body that says it is too large before any of it is read, and cuts off one
// that turns out to be.
func (s *Server) boundBody(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Request().ContentLength > s.opts.BodyLimit {
			return s.tooLarge()
		}
		defer s.newBody(c.Request()).release()
		return next(c)
	}
}

func (s *Server) newBody(r *http.Request) *body {
	b := &body{src: r.Body, server: s, http2: r.ProtoMajor == 2}
	r.Body = b
	stateOf(r.Context()).body = b
	return b
}

func (s *Server) tooLarge() error {
	const text = "The request body is larger than the limit of %d bytes"
	return fault.New("too_large", text, s.opts.BodyLimit)
}

// Read implements io.Reader. Its errors are Faults.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	// One byte over the limit tells a body that ends there from one that goes on.
	if room := b.server.opts.BodyLimit - b.read + 1; int64(len(p)) > room {
		p = p[:room]
	}
	n, err := b.src.Read(p)
	b.read += int64(n)
	b.charged += int64(n)
	used := b.server.uploads.used.Add(int64(n))
	switch {
	case b.read > b.server.opts.BodyLimit:
		b.err, b.cut = b.server.tooLarge(), true
	case used > b.server.uploads.max:
		b.cut = true
		b.err = tooBusy()
	case err != nil && err != io.EOF:
		b.err = b.readFault(err)
	default:
		return n, err
	}
	return 0, b.err
}

// readFault tells a client that is slow from one that left and one that sent too little. Over
// HTTP/2 what is sent too little ends the stream: nobody is left to answer either.
func (b *body) readFault(err error) error {
	var broken *net.OpError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fault.Error{
			Code: "request_timeout", Err: err,
			Detail: fmt.Sprintf("The request took longer than the limit of %v",
				b.server.cfg.ReadTimeout),
		}
	case b.http2, errors.As(err, &broken):
		return fmt.Errorf("%w: %w", errClientGone, err)
	}
	const text = "The request body ends early or is malformed"
	return fault.Error{Code: "bad_request", Err: err, Detail: text}
}

// Close implements io.Closer.
func (b *body) Close() error { return b.src.Close() }

// discard has the client send all: one whose connection is closed while it sends finds a broken
// connection in place of the answer.
func (b *body) discard() {
	if b.err == nil || b.cut {
		_ = b.drain()
	}
}

// drain reads what is left of the body without keeping it. Its error, a Fault, is that the body did
// not end within the limit and the read timeout.
func (b *body) drain() error {
	_, err := io.CopyN(io.Discard, b.src, b.server.opts.BodyLimit+1)
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err == nil:
		b.err, b.cut = b.server.tooLarge(), true
	default:
		b.err = b.readFault(err)
	}
	return b.err
}

func (b *body) release() {
	b.server.uploads.used.Add(-b.charged)
	b.charged = 0
}

// ReserveUpload takes n bytes of the upload budget for the request that ctx is of, as its body
// does: for a handler that fetches an image itself. Its error is a fault.Error. ReleaseUpload, or
// the end of the request, gives them back.
//
// What is larger than the whole budget takes all of it.
func ReserveUpload(ctx context.Context, n int64) error {
	b := stateOf(ctx).body
	if b == nil {
		return nil
	}
	n = min(n, b.server.uploads.max)
	b.charged += n
	if b.server.uploads.used.Add(n) > b.server.uploads.max {
		return tooBusy()
	}
	return nil
}

func tooBusy() error {
	return fault.New("busy", "Too many uploads at the same time; try again later")
}

// ReleaseUpload takes the body of the request that ctx is of off the upload budget before the
// request ends: for handlers that no longer hold the body and go on to wait.
func ReleaseUpload(ctx context.Context) {
	if b := stateOf(ctx).body; b != nil {
		b.release()
	}
}

// ReadBody reads the whole request body. Its errors are for the error handler.
func ReadBody(c echo.Context) ([]byte, error) {
	return ReadAll(c.Request().Body, c.Request().ContentLength)
}

// ReadAll is io.ReadAll for something that is said to have about so many bytes, -1 for unknown: a
// part of the request's body.
func ReadAll(src io.Reader, length int64) ([]byte, error) {
	first := int64(firstRead)
	if length >= 0 {
		first = min(first, length+1) // the one byte more is where the next Read finds the end
	}
	buf := make([]byte, 0, first)
	for {
		n, err := src.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return nil, err
		}
		if len(buf) == cap(buf) {
			// append would take a quarter more.
			larger := make([]byte, len(buf), capacity(int64(len(buf)), length))
			copy(larger, buf)
			buf = larger
		}
	}
}

// capacity is what a buffer grows to that is full with what has arrived. It is at most eight times
// that, as memory is not to be had for a Content-Length alone; once that would do for all, it is as
// much as all needs, in one step or two: each step copies what there is.
func capacity(have, length int64) int64 {
	switch {
	case length < have:
		return 2 * have
	case length < 8*have:
		return length + 1
	}
	return min(8*have, length/8+1)
}
