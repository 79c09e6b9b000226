// Package telemetrytest is a collector of traces for tests: it speaks OTLP over
// HTTP, as a real one does.
package telemetrytest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/proto"

	"bgremove/telemetry"
)

// Span is one that has ended.
type Span struct {
	Trace, ID, Parent string // hex; Parent is empty for the first
	Name              string
	Kind              string // as in SPAN_KIND_SERVER
	Failed            bool
	Attributes        map[string]string // numbers in decimal
	Resource          map[string]string
	Start, End        time.Time
}

// Collector keeps every span that was sent to it.
type Collector struct {
	URL string // what OTEL_EXPORTER_OTLP_ENDPOINT is to be

	mu    sync.Mutex
	spans []Span
}

// Listen runs a collector until the test ends.
func Listen(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.take(r); err != nil {
			t.Errorf("collector: %v", err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		// of an empty ExportTraceServiceResponse
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// Start runs a collector and has this process' traces sent to it until flush, or the end of the
// test. It must not run beside another.
func Start(t *testing.T) (c *Collector, flush func()) {
	t.Helper()
	c = Listen(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL)
	shutdown, err := telemetry.Start(t.Context(), "v0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	flush = sync.OnceFunc(func() {
		if err := shutdown(context.Background()); err != nil { // t.Context() may have ended
			t.Errorf("shutdown of the traces: %v", err)
		}
	})
	t.Cleanup(flush)
	return c, flush
}

// Spans are those sent so far.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span(nil), c.spans...)
}

// Named are the spans of that name.
func (c *Collector) Named(name string) (spans []Span) {
	for _, s := range c.Spans() {
		if s.Name == name {
			spans = append(spans, s)
		}
	}
	return spans
}

func (c *Collector) take(r *http.Request) error {
	if r.Method != http.MethodPost || r.URL.Path != "/v1/traces" ||
		r.Header.Get("Content-Type") != "application/x-protobuf" {
		return fmt.Errorf("%s %s %s is no export of traces",
			r.Method, r.URL.Path, r.Header.Get("Content-Type"))
	}
	body, err := io.ReadAll(r.Body)
	if err == nil && r.Header.Get("Content-Encoding") == "gzip" {
		var unzipped io.Reader
		if unzipped, err = gzip.NewReader(bytes.NewReader(body)); err == nil {
			body, err = io.ReadAll(unzipped)
		}
	}
	if err != nil {
		return err
	}
	var request collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &request); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range request.GetResourceSpans() {
		about := attributes(resource.GetResource().GetAttributes())
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans = append(c.spans, Span{
					Trace:  hex.EncodeToString(s.GetTraceId()),
					ID:     hex.EncodeToString(s.GetSpanId()),
					Parent: hex.EncodeToString(s.GetParentSpanId()),
					Name:   s.GetName(), Kind: s.GetKind().String(),
					Failed:     s.GetStatus().GetCode() == 2,
					Attributes: attributes(s.GetAttributes()), Resource: about,
					Start: time.Unix(0, int64(s.GetStartTimeUnixNano())),
					End:   time.Unix(0, int64(s.GetEndTimeUnixNano())),
				})
			}
		}
	}
	return nil
}

func attributes(pairs []*common.KeyValue) map[string]string {
	out := map[string]string{}
	for _, p := range pairs {
		switch v := p.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			out[p.GetKey()] = v.StringValue
		case *common.AnyValue_IntValue:
			out[p.GetKey()] = fmt.Sprint(v.IntValue)
		}
	}
	return out
}
