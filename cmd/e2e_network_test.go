package cmd

import (
	"encoding/base64"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"bgremove/queue"
	"bgremove/queue/queuetest"
)

// Redis stops answering in every way that there is. Readiness says so and comes back by itself, requests are answered all the same, and
// whatever was accepted ends well.
func (b binary) testRedisFails(t *testing.T) {
	server := queuetest.StartRedis(t, "--appendonly", "yes")
	link := queuetest.StartLink(t, server.Addr)
	args := []string{"--queue-url=" + link.URL(), "--queue-lease=2s", "--log-level=error"}
	predict := b.serve(t, "predict", "--imaging-engine="+quickestEngine, "--imaging-looks=1")
	batch := b.serve(t, "batch", append(args, "--predict-url="+predict.url(t, "predict"), "--batch-addr=127.0.0.1:0")...)
	proxy := b.serve(t, "proxy", args...)
	url := proxy.url(t, "proxy")
	q := openQueue(t, server.URL())
	for _, fault := range []struct {
		name        string
		begin, mend func()
	}{
		{"cut", link.Cut, link.Mend},
		{"swallow", link.Swallow, link.Mend},
		{"pause", func() { server.Signal(t, syscall.SIGSTOP) }, func() { server.Signal(t, syscall.SIGCONT) }},
		{"restart", server.Stop, func() { server.Restart(t) }},
	} {
		t.Run(fault.name, func(t *testing.T) {
			before := startJob(t, url, scaled(t, 24, 18))
			fault.begin()
			eventually(t, "both to say that they are not ready", func() bool {
				return status(t, url+"/readyz") == http.StatusServiceUnavailable && status(t, batch.url(t, "metrics")+"/readyz") == http.StatusServiceUnavailable
			})
			if s := status(t, url+"/livez"); s != http.StatusOK {
				t.Errorf("livez answers %d", s)
			}
			answered := make(chan int, 1)
			go func() {
				status, _, err := fetch(t, http.MethodPost, url+"/start_job", strings.NewReader(`{"image":"`+base64.StdEncoding.EncodeToString(scaled(t, 24, 18))+`"}`))
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
				return status(t, url+"/readyz") == http.StatusOK && status(t, batch.url(t, "metrics")+"/readyz") == http.StatusOK
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
