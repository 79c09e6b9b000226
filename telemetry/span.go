package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// scope names this program's instrumentation in a trace.
const scope = "bgremove"

// Kind is the role of a span, which tells a reader of traces where a call left one
// process and entered the next.
type Kind = trace.SpanKind

// The kinds in use.
const (
	Internal = trace.SpanKindInternal
	Server   = trace.SpanKindServer
	Client   = trace.SpanKindClient
	Consumer = trace.SpanKindConsumer
)

// Span is one piece of work in a trace. The zero value is none: all of its methods do nothing.
type Span struct{ span trace.Span }

// On says whether traces are kept: between Start and shutdown, where the variables ask for them.
func On() bool {
	_, on := otel.GetTracerProvider().(*sdktrace.TracerProvider)
	return on
}

// Begin begins a span below ctx's. The caller ends it.
func Begin(ctx context.Context, kind Kind, name string) (context.Context, Span) {
	if !On() {
		return ctx, Span{}
	}
	ctx, span := otel.GetTracerProvider().Tracer(scope).Start(ctx, name, trace.WithSpanKind(kind))
	return ctx, Span{span}
}

// Note adds a span below ctx's for work that has ended already.
func Note(ctx context.Context, name string, start time.Time, took time.Duration) {
	if !On() {
		return
	}
	_, span := otel.GetTracerProvider().Tracer(scope).Start(ctx, name, trace.WithTimestamp(start))
	span.End(trace.WithTimestamp(start.Add(took)))
}

// Recording says whether anybody will see the span, so that it is worth describing.
func (s Span) Recording() bool { return s.span != nil && s.span.IsRecording() }

// Text describes the span.
func (s Span) Text(key, value string) {
	if s.Recording() {
		s.span.SetAttributes(attribute.String(key, value))
	}
}

// Number describes the span.
func (s Span) Number(key string, value int) {
	if s.Recording() {
		s.span.SetAttributes(attribute.Int(key, value))
	}
}

// End ends the span; an error marks it as failed.
func (s Span) End(err error) {
	if s.span == nil {
		return
	}
	if err != nil {
		s.span.RecordError(err)
		s.span.SetStatus(codes.Error, err.Error())
	}
	s.span.End()
}
