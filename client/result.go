package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Result writes the picture of a job that has succeeded to w and returns its content type. Where
// the connection breaks, it goes on with what is missing, so that w gets each byte once.
func (c *Client) Result(
	ctx context.Context, id string, w io.Writer,
) (contentType string, err error) {
	return c.download(ctx, jobPath(id)+"/result", w)
}

// Input writes the picture that was sent to w, as Result does the one that came of it. The server
// has it until the job has succeeded, or for as long as the result where it was told to keep it.
func (c *Client) Input(
	ctx context.Context, id string, w io.Writer,
) (contentType string, err error) {
	return c.download(ctx, jobPath(id)+"/input", w)
}

func (c *Client) download(
	ctx context.Context, path string, w io.Writer,
) (contentType string, err error) {
	d := download{call: call{method: http.MethodGet, path: path, twice: true}, to: w}
	for tries := 0; ; tries++ {
		before := d.have
		err := d.fetch(ctx, c)
		switch {
		case err == nil:
			return d.contentType, nil
		case ctx.Err() != nil:
			return "", ctx.Err()
		case !errors.As(err, new(*brokenError)) || c.patience < 0:
			return "", err
		case d.have > before:
			tries = 0
		case tries == 5:
			return "", err
		}
		if err := Sleep(ctx, firstPause); err != nil {
			return "", err
		}
	}
}

// download is a file that is fetched piece by piece.
type download struct {
	call
	to                io.Writer
	have              int64 // bytes
	size              int64 // bytes of the whole; -1 where the server does not say
	etag, contentType string
}

// brokenError is a connection that broke while a picture came.
type brokenError struct{ error }

func (e *brokenError) Unwrap() error { return e.error }

func (d *download) fetch(ctx context.Context, c *Client) error {
	r := d.call
	if d.have > 0 {
		r.header = map[string]string{"Range": "bytes=" + strconv.FormatInt(d.have, 10) + "-"}
		if d.etag != "" {
			r.header["If-Range"] = d.etag
		}
	}
	resp, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := d.check(resp); err != nil {
		return err
	}
	d.contentType = resp.Header.Get("Content-Type")
	body := &reader{Reader: resp.Body}
	n, err := io.Copy(d.to, body)
	d.have += n
	if body.err != nil {
		return &brokenError{fmt.Errorf("read the picture: %w", body.err)}
	}
	return err
}

// check says whether an answer is the whole, or what is missing of it.
func (d *download) check(resp *http.Response) error {
	etag, piece := resp.Header.Get("Etag"), resp.Header.Get("Content-Range")
	if d.have == 0 {
		d.etag, d.size = etag, resp.ContentLength
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("the answer is not the whole picture: %s", resp.Status)
		}
		return nil
	}
	begin, total, _ := strings.Cut(piece, "/")
	switch {
	case resp.StatusCode != http.StatusPartialContent, etag != "" && d.etag != "" && etag != d.etag,
		d.size >= 0 && total != "*" && total != strconv.FormatInt(d.size, 10):
		return errors.New("the picture changed while it was fetched")
	case !strings.HasPrefix(begin, fmt.Sprintf("bytes %d-", d.have)):
		return fmt.Errorf("the picture has %d bytes so far, and goes on with another piece: %.64q",
			d.have, piece)
	}
	return nil
}

// reader remembers its fault, to tell it from one of where it is written to.
type reader struct {
	io.Reader
	err error
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}
