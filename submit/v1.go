// Package submit has files cut out by a server: once each, whatever breaks meanwhile. V1 speaks
// /v1, Seed the API of the tutorial that bgremove grew from. It imports client, files and terminal.
package submit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"bgremove/client"
)

// V1 sends files to a server's /v1.
type V1 struct {
	Client  *client.Client
	Options client.Options
	Journal *Journal

	mu       sync.Mutex
	accepted bool   // a picture with these options
	refusal  string // the last of the options, as the server said it
	refusals int    // in a row with that text
}

// maxLost is how often a job may be gone before its file counts as failed: a server with an
// ephemeral queue forgets all jobs when it restarts.
const maxLost = 5

// ProbeTime is how long a server has to say that it is there.
const ProbeTime = 10 * time.Second

// enoughRefusals of options, where the server has accepted no picture with them, are no
// fault of the pictures.
const enoughRefusals = 3

// Cut queues the file in, unless it is queued already, waits for the job's end, and writes the
// result to w. place is what the journal knows the file by. An error is a *client.JobError or
// *client.Error where the server answered.
func (s *V1) Cut(
	ctx context.Context, in, place string, w io.Writer,
) (contentType string, err error) {
	e, err := s.Journal.entry(in, place)
	if err != nil {
		return "", err
	}
	begun := &bounded{Writer: w}
	for tries := 0; ; tries++ {
		contentType, err := s.try(ctx, &e, begun)
		if !isGone(err) || begun.have > 0 || tries == maxLost {
			return contentType, err
		}
		if err := s.Journal.lose(&e); err != nil {
			return "", err
		}
	}
}

func isGone(err error) bool {
	var e *client.Error
	// and not the 404 of a gateway
	return errors.As(err, &e) && (e.Code == "not_found" || e.Code == "expired")
}

// bounded takes as many bytes as the server said that the result has.
type bounded struct {
	io.Writer
	have, want int64 // want is 0 where the server did not say
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.want > 0 && b.have+int64(len(p)) > b.want {
		return 0, fmt.Errorf("it has more than the %d bytes that the server said", b.want)
	}
	n, err := b.Writer.Write(p)
	b.have += int64(n)
	return n, err
}

// Done says that the result of the file is in its place: its job is not asked for again.
func (s *V1) Done(in, place string) error {
	e, err := s.Journal.entry(in, place)
	switch {
	case errors.Is(err, fs.ErrNotExist): // the file is gone meanwhile, and will not be asked for
		return nil
	case err != nil || e.Job == "":
		return err
	}
	return s.Journal.lose(&e)
}

// Hopeless says whether err is one that every other file would meet too: the server is not there,
// or does not want the key or the options.
func (s *V1) Hopeless(ctx context.Context, err error) bool {
	var e *client.Error
	if errors.As(err, &e) {
		return e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden ||
			e.Code == "bad_option" && s.refusesAll(e.Detail)
	}
	if !noAnswer(err) {
		return false
	}
	// perhaps something in between breaks off this one picture
	ctx, cancel := context.WithTimeout(ctx, ProbeTime)
	defer cancel()
	_, err = s.Client.Queue(ctx)
	return err != nil
}

// refusesAll says whether no picture will do with these options. A refusal that tells sizes, as
// 60×45 px, is about the picture.
func (s *V1) refusesAll(refusal string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accepted || strings.Contains(refusal, "×") {
		return false
	}
	if refusal != s.refusal {
		s.refusal, s.refusals = refusal, 0
	}
	s.refusals++
	return s.refusals >= enoughRefusals
}

func (s *V1) accept() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted = true
}

// noAnswer says whether err is a request that was not answered, though there was something to send.
func noAnswer(err error) bool {
	return errors.As(err, new(*url.Error)) && !errors.As(err, new(*fs.PathError)) && !errors.Is(err,
		io.ErrUnexpectedEOF)
}

func (s *V1) try(ctx context.Context, e *entry, w *bounded) (contentType string, err error) {
	if e.Job == "" {
		j, err := s.Client.SubmitOnce(ctx, s.Journal.key(*e), client.File(e.path), s.Options)
		if err != nil {
			return "", err
		}
		if err := s.Journal.queued(e, j.ID); err != nil {
			return "", err
		}
	}
	s.accept()
	j, err := s.Client.Wait(ctx, e.Job)
	if err != nil {
		return "", err
	}
	if err := j.Err(); err != nil {
		// The next run is to try it again, and not to find the same end.
		return "", errors.Join(err, s.Journal.lose(e))
	}
	if j.Result != nil {
		w.want = j.Result.Bytes
	}
	contentType, err = s.Client.Result(ctx, e.Job, w)
	// HTTP/1.0 does not tell the end from a connection that breaks
	if err == nil && w.have < w.want {
		err = fmt.Errorf("it broke off after %d of %d bytes", w.have, w.want)
	}
	if err != nil {
		return "", fmt.Errorf("fetch the result: %w", err)
	}
	return contentType, nil
}
