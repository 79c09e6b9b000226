package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bgremove/telemetry"
	"bgremove/telemetry/telemetrytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// of the W3C's recommendation
const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// What one process hands on, another goes on with; all of it reaches the collector as it was.
func TestTraceAcrossProcesses(t *testing.T) {
	collector, flush := telemetrytest.Start(t)
	ctx, first := telemetry.Begin(telemetry.Extract(t.Context(), parent), telemetry.Server, "first")
	if id := telemetry.TraceID(ctx); id != parent[3:35] {
		t.Errorf("trace %s, want %s", id, parent[3:35])
	}
	first.Text("colour", "red")
	first.Number("size", 7)
	carried := telemetry.Inject(ctx)
	if len(carried) != len(parent) || carried[:36] != parent[:36] || carried == parent {
		t.Errorf("carried is %q", carried)
	}
	ctx, second := telemetry.Begin(telemetry.Extract(context.Background(), carried),
		telemetry.Consumer, "second")
	began := time.Unix(1_700_000_000, 5)
	telemetry.Note(ctx, "third", began, 3*time.Second)
	second.End(errors.New("no luck"))
	first.End(nil)
	flush()

	spans := map[string]telemetrytest.Span{}
	for _, s := range collector.Spans() {
		spans[s.Name] = s
		if s.Trace != parent[3:35] {
			t.Errorf("%s is in trace %s", s.Name, s.Trace)
		}
	}
	one, two, three := spans["first"], spans["second"], spans["third"]
	if one.Parent != parent[36:52] || two.Parent != one.ID || three.Parent != two.ID {
		t.Errorf("parents %s, %s, %s of %s, %s",
			one.Parent, two.Parent, three.Parent, one.ID, two.ID)
	}
	if one.Kind != "SPAN_KIND_SERVER" || two.Kind != "SPAN_KIND_CONSUMER" ||
		one.Failed || !two.Failed {
		t.Errorf("%+v %+v", one, two)
	}
	if one.Attributes["colour"] != "red" || one.Attributes["size"] != "7" ||
		one.Resource["service.name"] != "bgremove" || one.Resource["service.version"] != "v0" {
		t.Errorf("%v %v", one.Attributes, one.Resource)
	}
	if !three.Start.Equal(began) || three.End.Sub(three.Start) != 3*time.Second {
		t.Errorf("third from %v to %v", three.Start, three.End)
	}
	if telemetry.On() {
		t.Error("still on after shutdown")
	}
}

func TestServiceNameOfTheOperator(t *testing.T) {
	t.Setenv("OTEL_SERVICE_NAME", "cutter")
	collector, flush := telemetrytest.Start(t)
	_, span := telemetry.Begin(t.Context(), telemetry.Internal, "x")
	span.End(nil)
	flush()
	if spans := collector.Spans(); len(spans) != 1 ||
		spans[0].Resource["service.name"] != "cutter" {
		t.Errorf("%+v", spans)
	}
}

func TestStartReadsTheVariables(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  map[string]string
		on   bool
		err  string
	}{
		{name: "nothing"},
		{name: "none", env: map[string]string{
			"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
		}},
		{name: "disabled", env: map[string]string{
			"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp",
		}},
		{
			name: "endpoint",
			env:  map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, on: true,
		},
		{
			name: "endpoint of traces",
			env:  map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/x"},
			on:   true,
		},
		{name: "exporter", env: map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, on: true},
		{
			name: "unknown exporter", env: map[string]string{"OTEL_TRACES_EXPORTER": "jaeger"},
			err: `must be otlp or none, is "jaeger"`,
		},
		{
			name: "unknown protocol", env: map[string]string{
				"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
			},
			err: `OTEL_EXPORTER_OTLP_PROTOCOL: must be http/protobuf, is "grpc"`,
		},
		{
			name: "no address",
			env:  map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "me:secret@collector:4318"},
			err:  "must be an http:// or https:// address",
		},
		{
			name: "no scheme",
			env:  map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "//me:secret@collector"},
			err:  "must be an http:// or https:// address",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, name := range []string{
				"OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT",
				"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
				"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
			} {
				t.Setenv(name, tt.env[name])
			}
			shutdown, err := telemetry.Start(t.Context(), "v0", slog.New(slog.DiscardHandler))
			if on := telemetry.On(); on != tt.on {
				t.Errorf("on: %v", on)
			}
			if (err == nil) != (tt.err == "") ||
				err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("error tells a password: %v", err)
			}
			if err := shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// A collector that refuses costs spans and a line in the log, and holds nothing up.
func TestCollectorRefuses(t *testing.T) {
	refusing := httptest.NewServer(http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer refusing.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", refusing.URL)
	var log bytes.Buffer // read once nobody writes
	shutdown, err := telemetry.Start(t.Context(), "v0", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	_, span := telemetry.Begin(t.Context(), telemetry.Internal, "x")
	span.End(nil)
	if err := shutdown(t.Context()); err == nil && !strings.Contains(log.String(),
		"traces are not sent") {
		t.Errorf("nobody is told: %s", log.String())
	}
}

// work is what a job costs where traces are off.
func work(ctx context.Context, boom error) {
	ctx = telemetry.Extract(ctx, parent)
	ctx, span := telemetry.Begin(ctx, telemetry.Consumer, "run job")
	span.Text("colour", "red")
	span.Number("size", 1<<20)
	telemetry.Note(ctx, "stage", time.Time{}, time.Second)
	if telemetry.Inject(ctx) != "" || telemetry.TraceID(ctx) != "" {
		panic("there is a trace")
	}
	span.End(boom)
}

func TestOffCostsNoMemory(t *testing.T) {
	boom := errors.New("boom")
	if n := testing.AllocsPerRun(100, func() { work(t.Context(), boom) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkOff(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		work(b.Context(), nil)
	}
}

// Whatever a client sends as traceparent, what is handed on is a traceparent.
func FuzzExtract(f *testing.F) {
	for _, text := range []string{parent, "", "00", parent[:54], "ff" +
		parent[2:], strings.ToUpper(parent), parent + "-x", "00-" + strings.Repeat("0", 52)} {
		f.Add(text)
	}
	f.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	shutdown, err := telemetry.Start(f.Context(), "v0", slog.New(slog.DiscardHandler))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = shutdown(context.Background()) })
	f.Fuzz(func(t *testing.T, text string) {
		got := telemetry.Inject(telemetry.Extract(t.Context(), text))
		if got != "" && (len(got) != len(parent) || !strings.EqualFold(got[3:52], text[3:52])) {
			t.Errorf("%q became %q", text, got)
		}
	})
}
