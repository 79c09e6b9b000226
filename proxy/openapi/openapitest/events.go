package openapitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// events checks a stream of events while the test reads it.
type events struct {
	io.ReadCloser
	t   testing.TB
	job *openapi3.Schema

	pending []byte // of an event that has not ended
	last    int    // id
	ended   bool   // with a state that does not change
}

// Read implements io.Reader.
func (s *events) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	s.pending = append(s.pending, p[:n]...)
	for {
		event, rest, whole := bytes.Cut(s.pending, []byte("\n\n"))
		if !whole {
			return n, err
		}
		s.pending = rest
		if err := s.check(string(event)); err != nil {
			s.t.Errorf("event %q: %v", event, err)
		}
	}
}

// check looks at one event. Lines that begin with a colon are comments, and what has no data is no
// event for the client either.
func (s *events) check(event string) error {
	fields := map[string]string{}
	for line := range strings.SplitSeq(event, "\n") {
		if name, value, _ := strings.Cut(line, ":"); name != "" {
			fields[name] = strings.TrimPrefix(value, " ")
		}
	}
	if fields["data"] == "" {
		return nil
	}
	if s.ended {
		return fmt.Errorf("it comes after the last one")
	}
	id, err := strconv.Atoi(fields["id"])
	if err != nil || id <= s.last {
		return fmt.Errorf("the id must be a number above %d", s.last)
	}
	s.last = id
	s.ended = slices.Contains([]string{"succeeded", "failed", "expired", "cancelled"},
		fields["event"])
	var job map[string]any
	if err := json.Unmarshal([]byte(fields["data"]), &job); err != nil {
		return fmt.Errorf("the data is no JSON in one line: %w", err)
	}
	if job["state"] != fields["event"] {
		return fmt.Errorf("the job is %v", job["state"])
	}
	return visit(s.job, job)
}
