package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"mime"
	"net/http"
	"strings"
)

const (
	maxEvent    = 1 << 20 // bytes of a line
	eventStream = "text/event-stream"
)

// Events goes through the job's changes, each the job as it is after it, beginning with how it is
// now, until the job has ended. A stream that breaks is taken up again where it was. It ends with
// an error if there is one.
func (c *Client) Events(ctx context.Context, id string) iter.Seq2[Job, error] {
	return func(yield func(Job, error) bool) {
		last, pause := "", firstPause
		for {
			seen := last
			ended, err := c.follow(ctx, id, &last, yield)
			if ended {
				return
			}
			if err != nil {
				yield(Job{}, err)
				return
			}
			if last != seen { // the server is there
				pause = firstPause
			}
			if err := Sleep(ctx, pause); err != nil {
				yield(Job{}, err)
				return
			}
			pause = min(2*pause, longestPause)
		}
	}
}

// follow reads one stream: https://html.spec.whatwg.org/multipage/server-sent-events.html.
// ended says that no more is to come, or that nobody wants it; neither that nor an error
// is a stream that broke.
func (c *Client) follow(
	ctx context.Context, id string, last *string, yield func(Job, error) bool,
) (ended bool, err error) {
	r := call{
		method: http.MethodGet, path: jobPath(id) + "/events",
		twice: true, header: map[string]string{"Accept": eventStream},
	}
	if *last != "" {
		r.header["Last-Event-ID"] = *last
	}
	resp, err := c.do(ctx, r)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != eventStream {
		return false, r.strange(fmt.Errorf("its Content-Type must be %s, is %.64q",
			eventStream, resp.Header.Get("Content-Type")))
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxEvent)
	number, data := "", []byte(nil)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case name == "id":
			number = value
		case name == "data":
			if data = append(data, value...); len(data) > maxEvent {
				return false,
					fmt.Errorf("an event of the job %s has more than %d bytes", id, maxEvent)
			}
		case len(lines.Bytes()) == 0 && len(data) > 0:
			var j Job
			if err := json.Unmarshal(data, &j); err != nil {
				return false, fmt.Errorf("an event of the job %s: %.100q: %w", id, data, err)
			}
			*last, data = number, nil
			if !yield(j, nil) || j.State.Ended() {
				return true, nil
			}
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return false, fmt.Errorf("an event of the job %s has more than %d bytes", id, maxEvent)
	}
	return false, ctx.Err() // any other fault is a stream that broke
}
