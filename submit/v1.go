// Package submit has files cut out by a server: once each, whatever breaks meanwhile. V1 speaks /v1, Seed the API of the tutorial that
// bgremove grew from. It imports the client, and nothing else of bgremove's.
package submit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"time"

	"bgremove/client"
)

// V1 sends files to a server's /v1.
type V1 struct {
	Client  *client.Client
	Options client.Options
	Journal *Journal
}

// maxLost is how often a job may be gone before its file counts as failed: a server with an ephemeral queue forgets all jobs when it restarts.
const maxLost = 5

const probeTimeout = 10 * time.Second

// Cut queues the file in, unless it is queued already, waits for the job's end, and writes the result to w. place is what the journal knows
// the file by. An error is a *client.JobError or *client.Error where the server answered.
func (s *V1) Cut(ctx context.Context, in, place string, w io.Writer) (contentType string, err error) {
	e, err := s.Journal.entry(in, place)
	if err != nil {
		return "", err
	}
	begun := &started{Writer: w}
	for tries := 0; ; tries++ {
		contentType, err := s.try(ctx, &e, begun)
		if !isGone(err) || begun.any || tries == maxLost {
			return contentType, err
		}
		if err := s.Journal.lose(&e); err != nil {
			return "", err
		}
	}
}

func isGone(err error) bool {
	var e *client.Error
	return errors.As(err, &e) && (e.Code == "not_found" || e.Code == "expired") // and not the 404 of a gateway
}

// started knows whether something was written.
type started struct {
	io.Writer
	any bool
}

func (s *started) Write(p []byte) (int, error) {
	s.any = true
	return s.Writer.Write(p)
}

// Hopeless says whether err is one that every other file would meet too: the server is not there, or does not want the key.
func (s *V1) Hopeless(ctx context.Context, err error) bool {
	var e *client.Error
	if errors.As(err, &e) {
		return e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
	}
	if !noAnswer(err) {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout) // perhaps something in between breaks off this one picture
	defer cancel()
	_, err = s.Client.Queue(ctx)
	return err != nil
}

// noAnswer says whether err is a request that was not answered, though there was something to send.
func noAnswer(err error) bool {
	return errors.As(err, new(*url.Error)) && !errors.As(err, new(*fs.PathError)) && !errors.Is(err, io.ErrUnexpectedEOF)
}

func (s *V1) try(ctx context.Context, e *entry, w io.Writer) (contentType string, err error) {
	if e.Job == "" {
		j, err := s.Client.SubmitOnce(ctx, s.Journal.key(*e), client.File(e.path), s.Options)
		if err != nil {
			return "", err
		}
		if err := s.Journal.queued(e, j.ID); err != nil {
			return "", err
		}
	}
	j, err := s.Client.Wait(ctx, e.Job)
	if err != nil {
		return "", err
	}
	if err := j.Err(); err != nil {
		// The next run is to try it again, and not to find the same end.
		return "", errors.Join(err, s.Journal.lose(e))
	}
	contentType, err = s.Client.Result(ctx, e.Job, w)
	if err != nil {
		return "", fmt.Errorf("fetch the result: %w", err)
	}
	return contentType, nil
}
