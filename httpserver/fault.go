package httpserver

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
)

const (
	// HeaderErrorCode carries Fault.Code, so that a client of ours need not read the message.
	HeaderErrorCode = "X-Error-Code"
	// StatusClientGone is only logged and counted: there is nobody left to answer.
	StatusClientGone = 499

	maxInputBytes = 64 // of FieldError.Input
)

// errClientGone is a connection that broke while its request was read.
var errClientGone = errors.New("client closed the connection")

// Fault is an error as a client sees it. Handlers may return one, wrapped or not.
type Fault struct {
	Status     int           // HTTP status
	Code       string        // snake case; empty means one made of the status: 404 is not_found
	Detail     any           // string, or []FieldError for a 422
	RetryAfter time.Duration // 0 means that no Retry-After is sent
	Err        error         // cause, for the log only; may be nil
}

// Error is for the log.
func (f Fault) Error() string {
	if f.Err != nil {
		return f.Message() + ": " + f.Err.Error()
	}
	return f.Message()
}

// Unwrap gives the cause.
func (f Fault) Unwrap() error { return f.Err }

// Message is Detail as one line of plain text, fit for a client.
func (f Fault) Message() string {
	fields, ok := f.Detail.([]FieldError)
	if !ok {
		return fmt.Sprint(f.Detail)
	}
	lines := make([]string, len(fields))
	for i, field := range fields {
		loc := make([]string, len(field.Loc))
		for j, part := range field.Loc {
			loc[j] = fmt.Sprint(part)
		}
		lines[i] = strings.Join(loc, ".") + ": " + field.Msg
	}
	return strings.Join(lines, "; ")
}

// FieldError is one fault of a request's body as pydantic v2 writes it.
type FieldError struct {
	Type  string         `json:"type"`  // pydantic's name: missing, string_type, json_invalid, ...
	Loc   []any          `json:"loc"`   // path of strings and ints: "body", "image"
	Msg   string         `json:"msg"`   // pydantic's sentence
	Input any            `json:"input"` // what was sent; strings come from Excerpt
	Ctx   map[string]any `json:"ctx,omitempty"`
}

// BadBody is the 422 that FastAPI answers a body of the wrong shape with.
func BadBody(fields ...FieldError) Fault {
	return Fault{Status: http.StatusUnprocessableEntity, Code: "bad_body", Detail: fields}
}

// Missing is a BadBody for a field that was not sent.
func Missing(loc ...any) Fault {
	return BadBody(FieldError{Type: "missing", Loc: loc, Msg: "Field required"})
}

// Excerpt is at most the first 64 bytes of s, as valid UTF-8, for a message or FieldError.Input.
func Excerpt(s string) string {
	if len(s) > maxInputBytes {
		s = s[:maxInputBytes-len("…")]
		// Not half a rune at the end; bytes that are no UTF-8 at all are replaced below.
		for range utf8.UTFMax - 1 {
			if r, size := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || size != 1 {
				break
			}
			s = s[:len(s)-1]
		}
		s += "…"
	}
	return strings.ToValidUTF8(s, "?")
}

// RenderDetail writes the fault as FastAPI does: {"detail": ...}.
func RenderDetail(c echo.Context, f Fault) error {
	return c.JSON(f.Status, map[string]any{"detail": f.Detail})
}

// answer writes the answer to err and returns what the log and the metrics say about it. It writes nothing once a response
// has begun, or when the client has left; the connection must then be broken off.
func (s *Server) answer(c echo.Context, err error) (f Fault, answered bool) {
	f = s.fault(c, err)
	if c.Response().Committed {
		f.Status = c.Response().Status
		return f, false
	}
	if f.Status == StatusClientGone {
		return f, false
	}
	// A client that waits for 100 Continue sends nothing until it is read.
	if b := stateOf(c.Request().Context()).body; b != nil && c.Request().Header.Get("Expect") == "" {
		b.discard()
	}
	header := c.Response().Header()
	header.Set(HeaderErrorCode, f.Code)
	if f.RetryAfter > 0 {
		header.Set(echo.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	return f, s.opts.Render(c, f) == nil
}

// fault finds the answer to err.
func (s *Server) fault(c echo.Context, err error) Fault {
	state := stateOf(c.Request().Context())
	switch {
	case state.body != nil && state.body.err != nil:
		// What a parser makes of a body that could not be read is not what went wrong. And this comes before the context,
		// which net/http ends on any failed read: a client that was too slow is still there.
		err = state.body.err
	case errors.Is(context.Cause(state.ctx), errShuttingDown):
		return Fault{Status: http.StatusServiceUnavailable, Code: "shutting_down", Detail: "The server is shutting down"}
	case state.ctx.Err() != nil:
		err = errClientGone
	}
	if errors.Is(err, errClientGone) {
		return Fault{Status: StatusClientGone, Code: "client_gone"}
	}
	f, ok := s.knownFault(err)
	if !ok {
		f = statusFault(http.StatusInternalServerError)
	}
	if f.Code == "" {
		f.Code = statusFault(f.Status).Code
	}
	return f
}

func (s *Server) knownFault(err error) (Fault, bool) {
	var f Fault
	if errors.As(err, &f) {
		return f, true
	}
	if s.opts.Faults != nil {
		if f, ok := s.opts.Faults(err); ok {
			return f, true
		}
	}
	var he *echo.HTTPError
	if errors.As(err, &he) {
		return statusFault(he.Code), true
	}
	return Fault{}, false
}

// statusFault says no more than the status does: 404 is "Not Found", not_found.
func statusFault(status int) Fault {
	text := http.StatusText(status)
	code := strings.ReplaceAll(strings.ToLower(text), " ", "_")
	return Fault{Status: status, Code: code, Detail: text}
}
