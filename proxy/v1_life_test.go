package proxy

import (
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"bgremove/imaging/imagingtest"
	"bgremove/queue"
)

// A job as it is seen from its beginning to its end, and the stream of its events.
func testLife(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	id := ts.create(t, "").job(t, 202).ID
	stream := make(chan answer, 1)
	go func() { stream <- ts.get(t, "/v1/jobs/"+id+"/events") }()
	eventually(t, "the stream to begin", func() bool {
		return strings.Contains(ts.get(t, "/metrics").body, "bgremove_queue_waiters 1")
	})
	claimed := ts.claim(t)
	ts.get(t, "/v1/jobs/"+id+"/result").wantProblem(t, 409, "not_ready")
	eventually(t, "the job to run",
		func() bool { return ts.get(t, "/v1/jobs/"+id).job(t, 200).State == queue.Running })
	if err := ts.consumer.Complete(t.Context(), claimed, []byte("cut-out"),
		workerSays); err != nil {
		t.Fatal(err)
	}
	j := ts.get(t, "/v1/jobs/"+id).job(t, 200)
	if j.State != queue.Succeeded || j.Attempt != 1 || string(j.Result["width"]) != "120" ||
		string(j.Result["bytes"]) != "7" ||
		string(j.Result["cached"]) != "false" || j.TimingsMS["cut"] != 1.5 ||
		j.Links["result"] != "/v1/jobs/"+id+"/result" || j.Error != nil ||
		len(j.Timeline) != 3 || j.Timeline[1].Worker != "test" || j.ExpiresAt == "" {
		t.Errorf("%+v", j)
	}
	if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`).MatchString(j.CreatedAt) {
		t.Errorf("created at %q", j.CreatedAt)
	}
	got := <-stream
	if got.status != 200 || got.header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%d %v", got.status, got.header)
	}
	want := regexp.MustCompile(`^id: 1\nevent: queued\ndata: \{"id":"` + id + `".*\}\n\n(id: 2\nevent: running\ndata: .*\n\n)?id: 3\nevent: succeeded\ndata: .*"state":"succeeded".*\}\n$`)
	if !want.MatchString(got.body) {
		t.Errorf("the stream is %q", got.body)
	}
	again := ts.do(t, "GET", "/v1/jobs/"+id+"/events", "", "Last-Event-ID", "3")
	if !strings.HasPrefix(again.body, "id: 3\nevent: succeeded\n") ||
		strings.Count(again.body, "event:") != 1 {
		t.Errorf("after the last event: %q", again.body)
	}
}

func testPreferWait(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	got := ts.create(t, "", "Prefer", "respond-async, wait=0")
	if got.job(t, 202); got.header.Get("Preference-Applied") != "wait=0" {
		t.Errorf("%v", got.header)
	}
	ts.finish(t, "first")
	answers := make(chan answer, 1)
	go func() { answers <- ts.create(t, "", "Prefer", "wait=30") }()
	ts.finish(t, "second")
	got = <-answers
	j := got.job(t, 200)
	if j.State != queue.Succeeded || got.header.Get("Location") != "/v1/jobs/"+j.ID ||
		got.header.Get("Preference-Applied") != "wait=30" {
		t.Errorf("%+v, %v", j, got.header)
	}
}

func testLongPoll(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	id := ts.create(t, "").job(t, 202).ID
	start := time.Now()
	if j := ts.get(t, "/v1/jobs/"+id+"?wait=50ms").job(t, 200); j.State != queue.Queued ||
		time.Since(start) < 50*time.Millisecond {
		t.Errorf("%s after %v", j.State, time.Since(start))
	}
	answers := make(chan answer, 1)
	go func() { answers <- ts.get(t, "/v1/jobs/"+id+"?wait=20") }()
	ts.finish(t, "cut-out")
	if j := (<-answers).job(t, 200); j.State != queue.Succeeded {
		t.Errorf("%+v", j)
	}
	other := ts.create(t, "").job(t, 202).ID
	go func() { answers <- ts.get(t, "/v1/jobs/"+other+"?wait=20s") }()
	eventually(t, "the poll to wait", func() bool {
		return strings.Contains(ts.get(t, "/metrics").body, "bgremove_queue_waiters 1")
	})
	ts.server.Drain() // a server that is to stop is not held up
	if j := (<-answers).job(t, 200); j.State != queue.Queued {
		t.Errorf("%+v", j)
	}
}

// Where no more requests may wait, none is refused whose job is queued, and none is
// queued that is refused.
func testMaxWaiting(t *testing.T, cfg queue.Config) {
	ts := startWith(t, cfg, func(c *Config) { c.MaxWaiting = 1 })
	id := ts.create(t, "").job(t, 202).ID
	answers := make(chan answer, 1)
	ts.do(t, "HEAD", "/v1/jobs/"+id+"/events", "").want(t, 200, "")
	// not whole yet
	for _, line := range []string{"POST /v1/remove", "GET /v1/jobs/" +
		id + "/events", "GET /v1/jobs/" + id + "?wait=20s"} {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", ts.server.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, line+" HTTP/1.1\r\nHost: x\r\nContent-Type: "+
			"image/png\r\nContent-Length: 5000\r\n\r\nabc"); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the requests to come", func() bool {
		// and that for the metrics
		return strings.Contains(ts.get(t, "/metrics").body,
			"bgremove_proxy_http_requests_in_flight 4")
	})
	ts.get(t, "/v1/jobs/"+id+"?wait=10ms").job(t, 200)
	go func() { answers <- ts.get(t, "/v1/jobs/"+id+"?wait=20s") }()
	eventually(t, "the poll to wait", func() bool {
		return strings.Contains(ts.get(t, "/metrics").body, "bgremove_queue_waiters 1")
	})
	ts.get(t, "/v1/jobs/"+id+"?wait=1s").wantProblem(t, 503, "busy")
	ts.get(t, "/v1/jobs/"+id+"/events").wantProblem(t, 503, "busy")
	before := ts.stats(t).Counters["enqueued"]
	ts.do(t, "POST", "/v1/remove", imagingtest.File(t, "scene.png"), "Content-Type", "image/png").
		wantProblem(t, 503, "busy")
	if after := ts.stats(t).Counters["enqueued"]; after != before {
		t.Errorf("%d jobs of refused requests", after-before)
	}
	got := ts.create(t, "", "Prefer", "wait=5")
	if j := got.job(t, 202); j.State != queue.Queued || got.header.Get("Preference-Applied") != "" {
		t.Errorf("%+v, %v", j, got.header)
	}
	ts.finish(t, "cut-out")
	(<-answers).job(t, 200)
}

// TestFullBeforeBody: a client that waits to be asked for its picture is
// refused without sending it.
func TestFullBeforeBody(t *testing.T) {
	cfg := embedded(t)
	cfg.MaxDepth = 1
	ts := start(t, cfg)
	ts.create(t, "")
	for _, path := range []string{"/v1/jobs", "/v1/remove", "/start_job"} {
		sent := false
		body := readFunc(func([]byte) (int, error) { sent = true; return 0, io.EOF })
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, ts.url+path, body)
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = 1 << 20
		req.Header.Set("Expect", "100-continue")
		c := unchecked(t)
		c.Transport = &http.Transport{ExpectContinueTimeout: 10 * time.Second}
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusTooManyRequests ||
			resp.Header.Get("Retry-After") == "" || sent {
			t.Errorf("%s: %d, Retry-After %q, the body was asked for: %v",
				path, resp.StatusCode, resp.Header.Get("Retry-After"), sent)
		}
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
