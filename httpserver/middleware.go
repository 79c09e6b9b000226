package httpserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"bgremove/fault"
	"bgremove/telemetry"
)

// unmatched stands for the route of a request that has none.
const unmatched = "unmatched"

// sane bounds an incoming request id: it goes to the log and back to the client.
var sane = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// state is what this package knows about a request; it is in the request's context.
type state struct {
	ctx    context.Context // the connection's: ends when the client leaves
	id     string
	method string // as sent: handlers of GET see HEAD as GET
	body   *body
	attrs  []slog.Attr // more for the access log
}

type stateKey struct{}

func stateOf(ctx context.Context) *state {
	if st, ok := ctx.Value(stateKey{}).(*state); ok {
		return st
	}
	return &state{ctx: ctx}
}

// RequestID is the id of the request that ctx belongs to: the client's X-Request-ID or a fresh one.
// Empty outside of requests.
func RequestID(ctx context.Context) string { return stateOf(ctx).id }

// LogAttr adds to the line that the request leaves in the access log. For middleware and handlers,
// not for what they start.
func LogAttr(c echo.Context, attr slog.Attr) {
	st := stateOf(c.Request().Context())
	st.attrs = append(st.attrs, attr)
}

// normalise gives a request its id, routes HEAD as GET (net/http then leaves out the body) and
// takes one trailing slash off.
func normalise(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		st := &state{ctx: r.Context(), id: r.Header.Get(echo.HeaderXRequestID), method: r.Method}
		if !sane.MatchString(st.id) {
			st.id = rand.Text()
		}
		w.Header().Set(echo.HeaderXRequestID, st.id)
		// A copy: net/http itself goes on to use r.
		r = r.WithContext(context.WithValue(r.Context(), stateKey{}, st))
		if r.Method == http.MethodHead {
			r.Method = http.MethodGet
		}
		if len(r.URL.Path) > 1 && strings.HasSuffix(r.URL.Path, "/") {
			u := *r.URL
			r.URL = &u
			u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(u.RawPath, "/")
		}
		next.ServeHTTP(w, r)
	})
}

// observe answers errors, bounds the time an answer may take, and logs and counts every request.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		s.metrics.inFlight.Inc()
		defer s.metrics.inFlight.Dec()
		s.boundWrite(c)
		span := beginSpan(c)
		if !s.conclude(c, span, start, next(c)) {
			// Or net/http would end half an answer as if it were whole.
			panic(http.ErrAbortHandler)
		}
		return nil
	}
}

// conclude answers what a handler's error asks for, logs and counts. It is false where an answer
// that had begun cannot be ended well.
func (s *Server) conclude(
	c echo.Context, span telemetry.Span, start time.Time, err error,
) (answered bool) {
	f, answered := fault.Error{Status: c.Response().Status}, true
	if err != nil {
		f, answered = s.answer(c, err)
	}
	endSpan(span, f, err)
	s.metrics.observe(c, f.Status, time.Since(start))
	s.log(c, f, err, time.Since(start))
	return answered
}

// boundWrite starts the write timeout with the answer's first byte, as the answer may come
// minutes after the request.
func (s *Server) boundWrite(c echo.Context) {
	// The deadline of the connection's last answer would still stand. A writer that has no
	// deadlines is a test's.
	_ = http.NewResponseController(c.Response()).SetWriteDeadline(time.Time{})
	c.Response().Before(func() { s.ExtendWrite(c) })
}

// ExtendWrite gives the client another Config.WriteTimeout to take what is written: for
// streams, before each event.
func (s *Server) ExtendWrite(c echo.Context) {
	_ = http.NewResponseController(c.Response()).
		SetWriteDeadline(time.Now().Add(s.cfg.WriteTimeout))
}

// Linger is for a handler that has what it needs of the request and now waits: net/http would end
// the request when the time to read it is over. What the client has yet to send is read before
// that, or a Fault says why not: while a request is not whole nobody notices that its client left,
// and without a limit of time it may never be.
func (s *Server) Linger(c echo.Context) error {
	if b := stateOf(c.Request().Context()).body; b != nil {
		if err := b.drain(); err != nil {
			return err
		}
	}
	_ = http.NewResponseController(c.Response()).SetReadDeadline(time.Time{})
	return nil
}

func (s *Server) log(c echo.Context, f fault.Error, err error, took time.Duration) {
	st := stateOf(c.Request().Context())
	attrs := []slog.Attr{
		slog.String("method", methodLabel(st.method)),
		slog.String("path", fault.Excerpt(c.Request().URL.Path)),
		slog.String("route", routeLabel(c)),
		slog.Int("status", f.Status),
		slog.Int64("bytes", c.Response().Size),
		slog.Duration("duration", took),
		slog.String("request_id", st.id),
		slog.String("remote", c.RealIP()),
	}
	attrs = append(attrs, st.attrs...)
	if f.Code != "" {
		attrs = append(attrs, slog.String("code", f.Code))
	}
	if trace := telemetry.TraceID(c.Request().Context()); trace != "" {
		attrs = append(attrs, slog.String("trace_id", trace))
	}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	var p *panicError
	if errors.As(err, &p) {
		attrs = append(attrs, slog.String("stack", string(p.stack)))
	}
	s.opts.Logger.LogAttrs(c.Request().Context(), logLevel(c, f.Status, p != nil),
		"http request", attrs...)
}

func logLevel(c echo.Context, status int, panicked bool) slog.Level {
	switch {
	case panicked || status == http.StatusInternalServerError:
		return slog.LevelError
	case isHealthRoute(c.Path()),
		c.Request().Method == http.MethodGet && status < http.StatusBadRequest:
		// polls come by the second
		return slog.LevelDebug
	case status > http.StatusInternalServerError:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// panicError is a panic of a handler.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

func recoverPanic(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = &panicError{value: v, stack: debug.Stack()}
			}
		}()
		return next(c)
	}
}

// IsHead tells whether only the header of the answer is asked for. To handlers such a
// request looks like a GET.
func IsHead(c echo.Context) bool { return stateOf(c.Request().Context()).method == http.MethodHead }

// Query is the parsed query. Unlike echo's it does not drop what it cannot read: that is
// a Fault of status 400.
func Query(c echo.Context) (url.Values, error) {
	values, err := url.ParseQuery(c.Request().URL.RawQuery)
	if err != nil {
		return nil, fault.Error{
			Code: "bad_query", Err: err,
			Detail: "The query is not valid percent-encoding: " +
				strconv.Quote(fault.Excerpt(c.Request().URL.RawQuery)),
		}
	}
	return values, nil
}
