package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"
)

// Picture is what is sent. It is opened once for each try, and never held in memory as a whole.
type Picture struct {
	Open func() (r io.ReadCloser, size int64, err error) // size in bytes
}

// File is a picture in a file, which is opened when it is sent.
func File(name string) Picture {
	return Picture{func() (io.ReadCloser, int64, error) {
		f, err := os.Open(name) //nolint:gosec // the caller's
		if err != nil {
			return nil, 0, err
		}
		info, err := f.Stat()
		if err == nil && !info.Mode().IsRegular() {
			err = fmt.Errorf("%s is no file", name)
		}
		if err != nil {
			_ = f.Close()
			return nil, 0, err
		}
		return f, info.Size(), nil
	}}
}

// Bytes is a picture in memory, which must not change while it is sent.
func Bytes(data []byte) Picture {
	return Picture{func() (io.ReadCloser, int64, error) {
		return io.NopCloser(bytes.NewReader(data)), int64(len(data)), nil
	}}
}

// Options are those of the API by name, as in {"format": "webp", "crop": "true"}. A mask or
// background image is base64.
type Options map[string]string

// Submit queues a picture. It may be tried again until it is known that there is one job of it: an
// Idempotency-Key of its own goes with it.
func (c *Client) Submit(ctx context.Context, p Picture, o Options) (Job, error) {
	return c.SubmitOnce(ctx, rand.Text(), p, o)
}

// SubmitOnce is Submit with a key of the caller's, 1 to 255 visible ASCII characters: another call
// with it, and with the same picture and options, returns the job that there is, even after a
// crash. With others it is an *Error with the code idempotency_conflict.
func (c *Client) SubmitOnce(ctx context.Context, key string, p Picture, o Options) (Job, error) {
	r := call{method: http.MethodPost, path: "/v1/jobs", twice: true, header: map[string]string{
		"Idempotency-Key": key,
	}}
	r.attach(p, o)
	return c.askJob(ctx, r)
}

// Remove sends a picture and writes the cut-out to w: one request, before all jobs of lower
// priority. The server waits a minute for it at most; then the error has the code wait_over.
func (c *Client) Remove(ctx context.Context, p Picture, o Options, w io.Writer) error {
	// With its own key a second try finds the job of the first.
	r := call{method: http.MethodPost, path: "/v1/remove", twice: true, header: map[string]string{
		"Idempotency-Key": rand.Text(),
	}}
	r.attach(p, o)
	resp, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(w, resp.Body); err != nil {
		return fmt.Errorf("read the result: %w", err)
	}
	return nil
}

// attach makes the body a form: options, then the picture, which is read while it is sent.
func (r *call) attach(p Picture, o Options) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for _, name := range slices.Sorted(maps.Keys(o)) {
		_ = w.WriteField(name, o[name]) // a buffer takes all
	}
	_, _ = w.CreateFormFile("image", "image")
	before := form.Len()
	_ = w.Close()
	head, tail := form.Bytes()[:before], form.Bytes()[before:]
	r.header["Content-Type"] = w.FormDataContentType()
	r.body = func() (io.ReadCloser, int64, error) {
		f, size, err := p.Open()
		if err != nil {
			return nil, 0, err
		}
		exactly := &picture{ReadCloser: f, left: size}
		return struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(head), exactly, bytes.NewReader(tail)), f}, size +
			int64(len(form.Bytes())), nil
	}
}

// picture is a file while it is sent. One that shrinks meanwhile would leave a
// request that never ends.
type picture struct {
	io.ReadCloser
	left int64
}

func (p *picture) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	n, err := p.ReadCloser.Read(b[:min(int64(len(b)), p.left)])
	p.left -= int64(n)
	switch {
	case err == io.EOF && p.left > 0:
		err = &bodyError{fmt.Errorf("the file became shorter while it was sent: %w",
			io.ErrUnexpectedEOF)}
	case err != nil && err != io.EOF: // no fault of the network's
		err = &bodyError{err}
	}
	return n, err
}

// longPoll is how long the server is asked to hold an answer back: some proxies in
// between cut off after 30 s.
const longPoll = 25 * time.Second

// Wait returns the job once it has ended, however that was: see Job.Err.
func (c *Client) Wait(ctx context.Context, id string) (Job, error) {
	for {
		begun := time.Now()
		j, err := c.get(ctx, id, "?wait="+strconv.Itoa(int(longPoll.Seconds()))+"s")
		if err != nil || j.State.Ended() {
			return j, err
		}
		if j.State != Queued && j.State != Running && j.State != Retrying {
			return j, fmt.Errorf("the job %s is %.64q, a state that is not known here", id, j.State)
		}
		if time.Since(begun) < time.Second { // a server that stops lets its waiters go
			if err := Sleep(ctx, time.Second); err != nil {
				return j, err
			}
		}
	}
}
