package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"bgremove/queue/queuetest"
	"bgremove/telemetry/telemetrytest"
)

// traceparent is that of a client which has a trace of its own.
const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// One trace leads from a client's request through proxy, queue, batch and predictor to
// the stages of the engine.
func (b binary) testTraces(t *testing.T) {
	collector := telemetrytest.Listen(t)
	b.env = []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL, "OTEL_BSP_SCHEDULE_DELAY=50"}
	redis := "--queue-url=" + queuetest.StartRedis(t).URL()
	predict := b.serve(t, "predict")
	batch := b.serve(t, "batch", redis, "--predict-url="+predict.url(t, "predict"))
	proxy := b.serve(t, "proxy", redis)
	id := startTracedJob(t, proxy.url(t, "proxy"))
	eventually(t, "the job",
		func() bool { return getJob(t, proxy.url(t, "proxy"), id).JobStatus == "SUCCEED" })
	for _, p := range []*process{proxy, batch, predict} {
		p.stop(t) // sends the last spans
	}
	wantTrace(t, collector, "POST /start_job SERVER", "run job CONSUMER", "POST /predict CLIENT",
		"POST /predict SERVER", "predict INTERNAL", "encode INTERNAL")

	all := b.serve(t, "all", "--ephemeral")
	id = startTracedJob(t, all.url(t, "proxy"))
	eventually(t, "the job",
		func() bool { return getJob(t, all.url(t, "proxy"), id).JobStatus == "SUCCEED" })
	all.stop(t)
	wantTrace(t, collector, "POST /start_job SERVER", "run job CONSUMER", "predict INTERNAL",
		"encode INTERNAL")
}

func startTracedJob(t *testing.T, proxy string) (id string) {
	t.Helper()
	body := `{"image":"` + base64.StdEncoding.EncodeToString(scaled(t, 24, 18)) + `"}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, proxy+"/start_job",
		strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("traceparent", traceparent)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var job struct {
		ID string `json:"job_id"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&job); err != nil || job.ID == "" {
		t.Fatalf("start_job: %d, %v", resp.StatusCode, err)
	}
	return job.ID
}

// wantTrace wants spans of these names and kinds in the client's trace, each below the one before.
func wantTrace(t *testing.T, collector *telemetrytest.Collector, chain ...string) {
	t.Helper()
	parents := map[string]bool{traceparent[36:52]: true}
	for _, want := range chain {
		found := map[string]bool{}
		for _, s := range collector.Spans() {
			if s.Name+" "+strings.TrimPrefix(s.Kind, "SPAN_KIND_") == want &&
				s.Trace == traceparent[3:35] && parents[s.Parent] {
				found[s.ID] = true
			}
		}
		if len(found) == 0 {
			t.Fatalf("no span %q in its place among those of the trace: %+v",
				want, slices.DeleteFunc(collector.Spans(), func(s telemetrytest.Span) bool {
					return s.Trace != traceparent[3:35]
				}))
		}
		parents = found
	}
}

// Profiles are served where the operator asks for it, tell no flags, and do not hold up
// the end of the process.
func (b binary) testProfiles(t *testing.T) {
	p := b.serve(t, "all", "--ephemeral", "--debug-addr=127.0.0.1:0")
	url := p.url(t, "profiles") + "/debug/pprof/"
	for path, want := range map[string]int{
		"": 200, "heap?debug=1": 200, "goroutine?debug=1": 200, "allocs": 200,
		"profile?seconds=1": 200, "nothing": 404, "cmdline": 404,
	} {
		if status, body := get(t, url+path); status != want ||
			strings.Contains(body, "--debug-addr") {
			t.Errorf("%s: %d %.100s, want %d", path, status, body, want)
		}
	}
	if status, _ := get(t, p.url(t, "proxy")+"/debug/pprof/"); status != http.StatusNotFound {
		t.Errorf("the proxy answers /debug/pprof/ with %d", status)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"profile?seconds=300",
			nil); err == nil {
			if resp, err := http.DefaultClient.Do(req); err == nil {
				resp.Body.Close()
			}
		}
	}()
	eventually(t, "a profile that is taken", func() bool {
		_, metrics := get(t, p.url(t, "profiles")+"/metrics")
		// with this one
		return strings.Contains(metrics, "bgremove_debug_http_requests_in_flight 2")
	})
	p.stop(t)
	<-ended
}
