package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Header carries a trace over HTTP: https://www.w3.org/TR/trace-context/. What a queue carries has
// the same form. Its companion tracestate is not passed on.
const Header = "traceparent"

// Inject is what another process needs to go on with ctx's trace: 55 bytes, or
// nothing where there is none.
func Inject(ctx context.Context) string {
	if !On() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier.Get(Header)
}

// Extract goes on with the trace that Inject told of. It comes from outside: what is no
// traceparent is as good as none.
func Extract(ctx context.Context, parent string) context.Context {
	if parent == "" || !On() {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{Header: parent})
}

// TraceID names ctx's trace, for the log: 32 hex digits, or nothing where there is none.
func TraceID(ctx context.Context) string {
	if !On() {
		return ""
	}
	if s := trace.SpanContextFromContext(ctx); s.HasTraceID() {
		return s.TraceID().String()
	}
	return ""
}
