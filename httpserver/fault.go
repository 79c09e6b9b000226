package httpserver

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"bgremove/fault"
)

// HeaderErrorCode carries the code of a fault.Error, so that a client of ours need not read the
// message.
const HeaderErrorCode = "X-Error-Code"

// errClientGone is a connection that broke while its request was read.
var errClientGone = errors.New("client closed the connection")

// FieldError is one fault of a request's body as pydantic v2 writes it.
type FieldError struct {
	Type  string         `json:"type"`  // pydantic's name: missing, string_type, json_invalid, ...
	Loc   []any          `json:"loc"`   // path of strings and ints: "body", "image"
	Msg   string         `json:"msg"`   // pydantic's sentence
	Input any            `json:"input"` // what was sent; strings are short
	Ctx   map[string]any `json:"ctx,omitempty"`
}

// fieldErrors are the detail of a 422.
type fieldErrors []FieldError

// String implements fmt.Stringer.
func (fields fieldErrors) String() string {
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

// BadBody returns the 422 that FastAPI answers a body of the wrong shape with.
func BadBody(fields ...FieldError) fault.Error {
	return fault.Error{Code: "bad_body", Detail: fieldErrors(fields)}
}

// Missing returns a BadBody for a field that was not sent.
func Missing(loc ...any) fault.Error {
	return BadBody(FieldError{Type: "missing", Loc: loc, Msg: "Field required"})
}

// RenderDetail writes the fault as FastAPI does: {"detail": ...}.
func RenderDetail(c echo.Context, f fault.Error) error {
	return c.JSON(f.Status, map[string]any{"detail": f.Detail})
}

// answer writes the answer to err and returns what the log and the metrics say about it. It writes
// nothing once a response has begun, or when the client has left; the connection must then be
// broken off.
func (s *Server) answer(c echo.Context, err error) (f fault.Error, answered bool) {
	f = s.fault(c, err).Complete()
	if c.Response().Committed {
		f.Status = c.Response().Status
		return f, false
	}
	if f.Status == fault.StatusClientGone {
		return f, false
	}
	// A client that waits for 100 Continue sends nothing until it is read.
	if b := stateOf(c.Request().Context()).
		body; b != nil && c.Request().Header.Get("Expect") == "" {
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
func (s *Server) fault(c echo.Context, err error) fault.Error {
	state := stateOf(c.Request().Context())
	switch {
	case state.body != nil && state.body.err != nil:
		// What a parser makes of a body that could not be read is not what went wrong. And this
		// comes before the context, which net/http ends on any failed read: a client that was
		// too slow is still there.
		err = state.body.err
	case errors.Is(context.Cause(state.ctx), errShuttingDown):
		return fault.Error{Code: "shutting_down"}
	case state.ctx.Err() != nil:
		err = errClientGone
	}
	if errors.Is(err, errClientGone) {
		return fault.Error{Code: "client_gone"}
	}
	if f, ok := s.knownFault(err); ok {
		return f
	}
	return fault.Error{Status: http.StatusInternalServerError}
}

func (s *Server) knownFault(err error) (fault.Error, bool) {
	var f fault.Error
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
		return fault.Error{Status: he.Code}, true
	}
	return fault.Error{}, false
}
