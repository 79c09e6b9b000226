package httpserver

import (
	"testing"

	"bgremove/telemetry"
	"bgremove/telemetry/telemetrytest"
)

func TestRequestsHaveSpans(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	collector, flush := telemetrytest.Start(t)
	ts := start(t, nil)
	ts.do(t, "GET", "/items/7", nil, telemetry.Header, parent)
	ts.do(t, "HEAD", "/items/8", nil, telemetry.Header, "nonsense")
	for _, path := range []string{
		"/teapot", "/unknown", "/panic", "/health", "/livez", "/readyz", "/metrics", "/nowhere",
	} {
		ts.do(t, "GET", path, nil)
	}
	if line := ts.logged(t, "path", "/items/7"); line["trace_id"] != parent[3:35] {
		t.Errorf("the access log has trace %v", line["trace_id"])
	}
	ts.logged(t, "path", "/nowhere") // the last span has ended
	flush()

	for name, want := range map[string]struct {
		status string
		failed bool
	}{
		"GET /items/:id":  {"200", false},
		"HEAD /items/:id": {"200", false},
		"GET /teapot":     {"418", false},
		"GET /unknown":    {"500", true},
		"GET /panic":      {"500", true},
		"GET unmatched":   {"404", false},
	} {
		spans := collector.Named(name)
		if len(spans) != 1 {
			t.Errorf("%d spans %s", len(spans), name)
			continue
		}
		s := spans[0]
		if s.Kind != "SPAN_KIND_SERVER" ||
			s.Attributes["http.response.status_code"] != want.status || s.Failed != want.failed ||
			s.Attributes["bgremove.request_id"] == "" {
			t.Errorf("%s: %+v", name, s)
		}
		if below := s.Parent == parent[36:52] &&
			s.Trace == parent[3:35]; below != (name == "GET /items/:id") {
			t.Errorf("%s is below %s of %s", name, s.Parent, s.Trace)
		}
	}
	if n := len(collector.Spans()); n != 6 {
		t.Errorf("%d spans, want 6", n)
	}
}
