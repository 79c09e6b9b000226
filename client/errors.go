package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Error is an answer that is an error: a problem of RFC 9457, as far as it can be read.
type Error struct {
	Status int // of HTTP
	// for programs: queue_full, bad_option, not_found and so on; empty where something else
	// than bgremove answered
	Code       string
	Detail     string        // for people
	RequestID  string        // finds the request in the server's log
	RetryAfter time.Duration // how long the server wants to be left alone; 0 where it does not say
}

func (e *Error) Error() string {
	text := e.Detail
	if text == "" {
		text = http.StatusText(e.Status)
	}
	if e.RequestID != "" {
		return fmt.Sprintf("%s (%d, request %s)", text, e.Status, e.RequestID)
	}
	return fmt.Sprintf("%s (%d)", text, e.Status)
}

// JobError is the end of a job that has no result.
type JobError struct {
	ID      string
	State   State
	Code    string // for programs: corrupt_image, no_foreground, deadline and so on
	Message string // for people
}

func (e *JobError) Error() string {
	if e.Message == "" {
		return "the job " + string(e.State)
	}
	return e.Message
}

// RedirectError is a server that is elsewhere. The request was not sent there.
type RedirectError struct {
	To     string // where the request was to go
	Server string // what Config.Server ought to be; empty where that does not show
}

func (e *RedirectError) Error() string {
	text := "the server redirects to " + e.To
	if e.Server != "" {
		text += "; use " + e.Server
	}
	return text
}

const maxErrorBytes = 64 << 10

// readError reads an answer that is an error, and closes its body.
func readError(resp *http.Response) *Error {
	defer resp.Body.Close()
	e := &Error{
		Status: resp.StatusCode, Code: resp.Header.Get("X-Error-Code"),
		RequestID: resp.Header.Get("X-Request-Id"),
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(min(seconds, 24*3600)) * time.Second
	}
	var problem struct {
		Detail string `json:"detail"`
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBytes))
	switch {
	case err != nil:
	case json.Unmarshal(data, &problem) == nil:
		e.Detail = problem.Detail
	case e.Status == http.StatusBadRequest && wantsTLS(data):
		e.Detail = "the port speaks TLS: the address must begin with https://"
	}
	return e
}

// wantsTLS says whether a server of Go, or nginx, complains that it was spoken to without TLS.
func wantsTLS(page []byte) bool {
	return bytes.Contains(page, []byte("HTTP request to an HTTPS server")) ||
		bytes.Contains(page, []byte("plain HTTP request was sent to HTTPS port"))
}
