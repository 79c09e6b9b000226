package proxy

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"bgremove/httpserver"
	"bgremove/imaging"
	"bgremove/imaging/picture"
	"bgremove/proxy/face"
	"bgremove/proxy/openapi/openapitest"
	"bgremove/queue"
)

// spec holds every request of these tests, and its answer, against openapi.yaml.
var spec = openapitest.New()

func TestMain(m *testing.M) {
	queue.LogTo(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// testLimits has a byte limit that tests can go over.
func testLimits() picture.Limits {
	cfg := imaging.DefaultConfig()
	cfg.MaxImageMiB = 1
	return cfg.Limits()
}

// embedded is a queue in this process whose retries come at once.
func embedded(t *testing.T) queue.Config {
	t.Helper()
	cfg := queue.DefaultConfig()
	cfg.DataDir, cfg.BackoffBase, cfg.BackoffMax = t.TempDir(), time.Millisecond, time.Millisecond
	return cfg
}

type testServer struct {
	queue    *queue.Queue
	consumer *queue.Consumer
	server   *httpserver.Server
	url      string
	http     *http.Client
}

// start serves a queue of its own.
func start(t *testing.T, cfg queue.Config) *testServer {
	t.Helper()
	return startWith(t, cfg, nil)
}

// startWith has edit change the proxy's configuration.
func startWith(t *testing.T, cfg queue.Config, edit func(*Config)) *testServer {
	t.Helper()
	return startFaces(t, cfg, edit, faces())
}

// startFaces has faces of the test's choice.
func startFaces(
	t *testing.T, cfg queue.Config, edit func(*Config), faces []func(face.Desk) face.Face,
) *testServer {
	t.Helper()
	log, registry := slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	q, err := queue.Open(t.Context(), cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	registry.MustRegister(q.Collector())
	consumer := q.Consumer("test")
	t.Cleanup(func() {
		if err := errors.Join(consumer.Close(), q.Close()); err != nil {
			t.Errorf("close the queue: %v", err)
		}
	})
	checks := []httpserver.Check{{Name: "queue", Run: q.Check}}
	config := DefaultConfig()
	config.Addr, config.Cache = "127.0.0.1:0", false // tests send the same image again and again
	if edit != nil {
		edit(&config)
	}
	server, err := newServer(config, Parts{
		HTTP: httpserver.DefaultConfig(), Limits: testLimits(), Jobs: q, Checks: checks,
		Logger: log, Registry: registry, Version: "test",
	}, faces)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve() }()
	ts := &testServer{
		queue: q, consumer: consumer, server: server, url: "http://" + server.Addr().String(),
		http: &http.Client{
			Transport: spec.Transport(t, &http.Transport{}), Timeout: 20 * time.Second,
		},
	}
	checked := ts.http
	t.Cleanup(func() {
		checked.CloseIdleConnections()
		// t.Context() has ended by now
		if err := errors.Join(server.Shutdown(context.Background()), <-done); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return ts
}

type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request with these headers, given as name, value, name, value, ...
func (ts *testServer) do(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, ts.url+path,
		strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := ts.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, resp)
}

func read(t *testing.T, resp *http.Response) answer {
	t.Helper()
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{
		status: resp.StatusCode, header: resp.Header, body: strings.TrimSuffix(string(data), "\n"),
	}
}

func (ts *testServer) get(t *testing.T, path string) answer {
	t.Helper()
	return ts.do(t, "GET", path, "")
}

// want fails the test unless the answer is exactly this.
func (a answer) want(t *testing.T, status int, body string) {
	t.Helper()
	if a.status != status || a.body != body {
		t.Errorf("got  %d %.600s\nwant %d %.600s", a.status, a.body, status, body)
	}
}

// imageJSON is a body of start_job.
func imageJSON(image string) string {
	return `{"image":"` + base64.StdEncoding.EncodeToString([]byte(image)) + `"}`
}

// startJob submits an image and returns the job's id.
func (ts *testServer) startJob(t *testing.T, image string) string {
	t.Helper()
	return startedID(t,
		ts.do(t, "POST", "/start_job", imageJSON(image), "Content-Type", "application/json"))
}

// startedID is the id in start_job's answer, which must say that the job was taken.
func startedID(t *testing.T, got answer) string {
	t.Helper()
	var out struct {
		ID string `json:"job_id"`
	}
	if err := json.Unmarshal([]byte(got.body), &out); err != nil {
		t.Fatalf("%d %q: %v", got.status, got.body, err)
	}
	got.want(t, 200, `{"status":"ok","job_id":"`+out.ID+`","job_status":"RUNNING"}`)
	return out.ID
}

// claim takes the next job, waiting for one.
func (ts *testServer) claim(t *testing.T) queue.Claimed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		jobs, next, err := ts.consumer.Claim(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(jobs) == 1 {
			return jobs[0]
		}
		if err := ts.consumer.Idle(ctx, next); err != nil {
			t.Fatal(err)
		}
	}
}

func (ts *testServer) complete(t *testing.T, j queue.Claimed, output string) {
	t.Helper()
	if err := ts.consumer.Complete(t.Context(), j, []byte(output), "{}"); err != nil {
		t.Fatal(err)
	}
}

func (ts *testServer) fail(t *testing.T, j queue.Claimed, transient bool, want queue.State) {
	t.Helper()
	if state, err := ts.consumer.Fail(
		t.Context(), j, queue.Fault{
			Code: "corrupt_image", Message: "png: corrupt image: cut short", Transient: transient,
		},
	); err != nil || state != want {
		t.Fatalf("state %q, err %v; want %q", state, err, want)
	}
}

// work completes n jobs as they come.
func (ts *testServer) work(ctx context.Context, n int, cutOut func(image string) string) error {
	for done := 0; done < n; {
		jobs, next, err := ts.consumer.Claim(ctx, 1)
		if err == nil && len(jobs) == 0 {
			err = ts.consumer.Idle(ctx, next)
		}
		if err != nil {
			return err
		}
		for _, j := range jobs {
			image, err := ts.consumer.Input(ctx, j)
			if err == nil {
				err = ts.consumer.Complete(ctx, j, []byte(cutOut(string(image))), "{}")
			}
			if err != nil {
				return err
			}
			done++
		}
	}
	return nil
}

// eventually waits for a condition that time or another goroutine brings about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited 20 s for %s", what)
		}
	}
}
