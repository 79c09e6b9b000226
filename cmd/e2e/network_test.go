package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"bgremove/queue"
	"bgremove/queue/queuetest"
)

// Redis stops answering in every way that there is. Readiness says so and comes back by itself,
// requests are answered all the same, and whatever was accepted ends well.
func (b binary) testRedisFails(t *testing.T) {
	server := queuetest.StartRedis(t, "--appendonly", "yes")
	gate := queuetest.StartGate(t, server.Addr)
	args := []string{"--queue-url=" + gate.URL(), "--queue-lease=2s", "--log-level=error"}
	predict := b.serve(t, "predict", "--imaging-engine="+quickestEngine, "--imaging-looks=1")
	batch := b.serve(t, "batch",
		append(args, "--predict-url="+predict.url(t, "predict"), "--batch-addr=127.0.0.1:0")...)
	proxy := b.serve(t, "proxy", args...)
	url := proxy.url(t, "proxy")
	q := openQueue(t, server.URL())
	for _, fault := range []struct {
		name        string
		begin, mend func()
	}{
		{"cut", func() { gate.Set(queuetest.Shut) }, func() { gate.Set(queuetest.Open) }},
		{"pause", func() { server.Pause(t) }, func() { server.Resume(t) }},
		{"restart", server.Stop, func() { server.Restart(t) }},
	} {
		t.Run(fault.name, func(t *testing.T) {
			before := startJob(t, url, scaled(t, 24, 18))
			fault.begin()
			eventually(t, "both to say that they are not ready", func() bool {
				return status(t, url+"/readyz") == http.StatusServiceUnavailable &&
					status(t, batch.url(t, "metrics")+"/readyz") == http.StatusServiceUnavailable
			})
			if s := status(t, url+"/livez"); s != http.StatusOK {
				t.Errorf("livez answers %d", s)
			}
			answered := make(chan int, 1)
			go func() {
				status, _, err := fetch(t, http.MethodPost, url+"/start_job", strings.NewReader(
					`{"image":"`+base64.StdEncoding.EncodeToString(scaled(t, 24, 18))+`"}`))
				if err != nil {
					t.Errorf("a request without an answer: %v", err)
				}
				answered <- status
			}()
			<-time.After(time.Second) // of the fault
			fault.mend()
			switch s := <-answered; s {
			case http.StatusOK, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			default:
				t.Errorf("start_job answers %d", s)
			}
			eventually(t, "both to be ready again", func() bool {
				return status(t, url+"/readyz") == http.StatusOK &&
					status(t, batch.url(t, "metrics")+"/readyz") == http.StatusOK
			})
			for _, id := range []string{before, startJob(t, url, scaled(t, 24, 18))} {
				if j := waitJob(t, q, id); j.State != queue.Succeeded {
					t.Errorf("job is %s: %s %s", j.State, j.Code, j.Message)
				}
			}
		})
	}
	for _, p := range []*process{proxy, batch, predict} {
		p.stop(t)
	}
}

func status(t *testing.T, url string) int {
	t.Helper()
	s, _, err := fetch(t, http.MethodGet, url, nil)
	if err != nil {
		t.Errorf("%s: %v", url, err)
	}
	return s
}

// A Redis that neither answers nor refuses: requests are answered in time, soon at once,
// and readiness follows.
func (b binary) testRedisHangs(t *testing.T) {
	gate := queuetest.StartGate(t, queuetest.StartRedis(t).Addr)
	proxy := b.serve(t, "proxy", "--queue-url="+gate.URL()).url(t, "proxy")
	picture := scaled(t, 24, 18)
	startJob(t, proxy, picture)
	body, err := json.Marshal(map[string][]byte{"image": picture})
	if err != nil {
		t.Fatal(err)
	}
	readyz := func(want int) func() bool {
		return func() bool {
			status, _, err := fetch(t, http.MethodGet, proxy+"/readyz", nil)
			return err == nil && status == want
		}
	}
	gate.Set(queuetest.Silent)
	type answer struct {
		status int
		err    error
		took   time.Duration
	}
	ask := func() (a answer) {
		start := time.Now()
		a.status, _, a.err = fetch(t, http.MethodPost, proxy+"/start_job", bytes.NewReader(body))
		a.took = time.Since(start)
		return a
	}
	first := make(chan answer, 1)
	go func() { first <- ask() }()
	within(t, 5*time.Second, "readiness to end", readyz(http.StatusServiceUnavailable))
	within(t, 20*time.Second, "an answer at once", func() bool {
		a := ask()
		return a.status == http.StatusServiceUnavailable && a.took < time.Second
	})
	if a := <-first; a.status != http.StatusServiceUnavailable || a.took > 25*time.Second {
		t.Errorf("the first request was answered with %d, %v after %v", a.status, a.err, a.took)
	}
	gate.Set(queuetest.Open)
	within(t, 5*time.Second, "readiness", readyz(http.StatusOK))
	startJob(t, proxy, picture)
}
