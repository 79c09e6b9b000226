package httpserver

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"bgremove/fault"
	"bgremove/telemetry"
)

// beginSpan begins a request's span, below the one that its traceparent names, and puts it into the
// request's context. Health and metrics, which somebody asks for every few seconds, have none.
func beginSpan(c echo.Context) telemetry.Span {
	if !telemetry.On() || isHealthRoute(c.Path()) {
		return telemetry.Span{}
	}
	r := c.Request()
	method, route := methodLabel(stateOf(r.Context()).method), routeLabel(c)
	ctx := telemetry.Extract(r.Context(), r.Header.Get(telemetry.Header))
	ctx, span := telemetry.Begin(ctx, telemetry.Server, method+" "+route)
	span.Text("http.request.method", method)
	span.Text("http.route", route)
	span.Text("bgremove.request_id", RequestID(ctx))
	c.SetRequest(r.WithContext(ctx))
	return span
}

// endSpan says how the request was answered. What the client did wrong is no
// failure of the server's.
func endSpan(span telemetry.Span, f fault.Error, err error) {
	span.Number("http.response.status_code", f.Status)
	if f.Code != "" {
		span.Text("error.type", f.Code)
	}
	if f.Status < http.StatusInternalServerError {
		err = nil
	}
	span.End(err)
}
