package submit

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"bgremove/client"
)

// Seed sends files to a server that has the routes of the tutorial only: POST /start_job, then GET
// /get_job until it has succeeded.
type Seed struct {
	Server   string        // its address
	Every    time.Duration // between two questions
	Patience time.Duration // how long a file is offered to a server that is full or away
	HTTP     *http.Client
	Waiting  func(err error, pause time.Duration) // as of a client.Config
}

const (
	maxSeedAnswer = 256 << 20 // bytes: two pictures in base64
	seedPause     = time.Second
)

// Cut queues the file in and writes its result, a PNG file, to w. It asks for the
// result until ctx ends.
func (s *Seed) Cut(ctx context.Context, in, _ string, w io.Writer) (contentType string, err error) {
	id, err := s.start(ctx, in)
	if err != nil {
		return "", err
	}
	for {
		var answer struct {
			State string `json:"job_status"`
			Image string `json:"img_out_base64"`
		}
		err := s.get(ctx, "/get_job/"+url.PathEscape(id), &answer)
		switch {
		case err != nil:
			return "", err
		case answer.State == "FAILED":
			return "", errors.New("the job failed; the server does not say why")
		case answer.State == "SUCCEED" && answer.Image != "":
			// the tutorial's server says so before it has the picture
			data, err := base64.StdEncoding.DecodeString(answer.Image)
			if err != nil {
				return "", fmt.Errorf("the result is no base64: %w", err)
			}
			_, err = w.Write(data)
			return "image/png", err
		}
		if err := s.wait(ctx, nil, s.Every); err != nil {
			return "", err
		}
	}
}

// start queues the file, and offers it again to a server that says that it is full, or that cannot
// be connected to: then nothing was sent. A connection that breaks later may have brought it there,
// and there is no telling.
func (s *Seed) start(ctx context.Context, in string) (id string, err error) {
	end := time.Now().Add(s.Patience)
	for {
		var answer struct {
			ID string `json:"job_id"`
		}
		err := s.post(ctx, in, &answer)
		pause := seedPause
		var busy *busyError
		switch {
		case err == nil && answer.ID == "":
			return "", errors.New("the server's answer has no job_id")
		case errors.As(err, &busy):
			pause = busy.after
		case !notConnected(err):
			return answer.ID, err
		}
		if time.Now().Add(pause).After(end) {
			return "", err
		}
		if err := s.wait(ctx, err, pause); err != nil {
			return "", err
		}
	}
}

func notConnected(err error) bool {
	var fault *net.OpError
	return errors.As(err, &fault) && (fault.Op == "dial" || fault.Op == "proxyconnect")
}

// Done does nothing: there is no journal, as that API has no way to ask whether a file has arrived.
func (s *Seed) Done(_, _ string) error { return nil }

// Hopeless says whether err is one that every other file would meet too: the server is not there.
func (s *Seed) Hopeless(ctx context.Context, err error) bool {
	return noAnswer(err) && s.Probe(ctx) != nil
}

// Probe says whether the server answers, whatever that is.
func (s *Seed) Probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, ProbeTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Server+"/health", nil)
	if err != nil {
		return err
	}
	resp, err := s.HTTP.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// busyError is a server that is full or about to stop.
type busyError struct {
	error
	after time.Duration
}

func (s *Seed) post(ctx context.Context, in string, out any) error {
	data, err := os.ReadFile(filepath.Clean(in))
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string][]byte{"image": data}) // base64
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Server+"/start_job",
		bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	return s.do(req, out)
}

// get asks again where no answer comes: the server may be restarting.
func (s *Seed) get(ctx context.Context, path string, out any) error {
	end := time.Now().Add(s.Patience)
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Server+path, nil)
		if err != nil {
			return err
		}
		err = s.do(req, out)
		if err == nil || ctx.Err() != nil || errors.As(err, new(*answerError)) ||
			time.Now().After(end) {
			return err
		}
		if err := s.wait(ctx, err, seedPause); err != nil {
			return err
		}
	}
}

// wait pauses, and tells why unless that is nil.
func (s *Seed) wait(ctx context.Context, why error, pause time.Duration) error {
	if s.Waiting != nil && why != nil {
		s.Waiting(why, pause)
	}
	return client.Sleep(ctx, pause)
}

// answerError is an answer that another question would get too.
type answerError struct{ error }

func (s *Seed) do(req *http.Request, out any) error {
	resp, err := s.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxSeedAnswer))
	switch {
	case err != nil:
		return err
	case resp.StatusCode == http.StatusTooManyRequests,
		resp.StatusCode == http.StatusServiceUnavailable:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return &busyError{fmt.Errorf("%s: %.200s", resp.Status, data), max(
			time.Duration(seconds)*time.Second, seedPause)}
	case resp.StatusCode != http.StatusOK:
		return &answerError{fmt.Errorf("%s: %.200s", resp.Status, data)}
	}
	if err := json.Unmarshal(data, out); err != nil {
		return &answerError{fmt.Errorf("the answer is not a server's of the tutorial: %w", err)}
	}
	return nil
}
