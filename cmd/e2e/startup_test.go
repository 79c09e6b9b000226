package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"bgremove/queue"
	"bgremove/queue/queuetest"
)

// One line on stdout, once everything is there; the rest of what a process says goes to stderr.
func (b binary) testStart(t *testing.T) {
	redis := "--queue-url=" + queuetest.StartRedis(t).URL()
	for _, test := range []struct {
		part string
		args []string
		want string
	}{
		{"all", nil, "bgremove is ready: predict on %[1]s, proxy on %[2]s\n"},
		{"predict", nil, "bgremove is ready: predict on %[1]s\n"},
		{"proxy", []string{redis}, "bgremove is ready: proxy on %[2]s\n"},
		{
			"batch",
			[]string{redis, "--predict-url=http://127.0.0.1:9"},
			"bgremove is ready: batch to http://127.0.0.1:9\n",
		},
	} {
		t.Run(test.part, func(t *testing.T) {
			start := time.Now()
			p := b.serve(t, test.part, test.args...)
			t.Logf("serve %s with the race detector: ready after %v, %s",
				test.part, time.Since(start).Round(time.Millisecond), resident(t, p))
			want := test.want
			for i, server := range []string{"predict", "proxy"} {
				slot := fmt.Sprintf("%%[%d]s", i+1)
				if !strings.Contains(want, slot) {
					continue
				}
				url := p.url(t, server)
				want = strings.ReplaceAll(want, slot, url)
				if status, body, err := fetch(t, http.MethodGet, url+"/readyz", nil); err != nil ||
					status != http.StatusOK {
					t.Errorf("%s: readyz answered %d %s, %v", server, status, body, err)
				}
			}
			p.stop(t)
			if got := p.stdout.String(); got != want {
				t.Errorf("stdout is %q, want %q", got, want)
			}
		})
	}
}

// resident is the memory of a process, for the log.
func resident(t *testing.T, p *process) string {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return "memory unknown"
	}
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmRSS:") {
			return strings.Join(strings.Fields(line), " ")
		}
	}
	return "memory unknown"
}

// wantFault expects a process to end by itself with a status and parts of a message, and to have
// said nothing on stdout.
func (p *process) wantFault(t *testing.T, status int, parts ...string) {
	t.Helper()
	p.wantExit(t, status)
	if out := p.stdout.String(); out != "" {
		t.Errorf("stdout is %q, want nothing", out)
	}
	for _, part := range parts {
		if !strings.Contains(p.stderr.String(), part) {
			t.Errorf("stderr is %q, want %q in it", p.stderr.String(), part)
		}
	}
}

func (b binary) testAddressInUse(t *testing.T) {
	var lc net.ListenConfig
	taken, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr := taken.Addr().String()
	for _, test := range []struct{ part, server, queue string }{
		{"all", "proxy", ""},
		{"all", "predict", ""},
		{"predict", "predict", ""},
		{"proxy", "proxy", "redis://127.0.0.1:9"},
	} {
		b.launch(t, test.part, "--queue-url="+test.queue, "--"+test.server+"-addr="+addr).
			wantFault(t, 1, "bgremove: "+test.server+": listen", addr,
				"address already in use; another address goes into "+test.server+".addr\n")
	}
}

func (b binary) testNoSharedQueue(t *testing.T) {
	for _, part := range []string{"proxy", "batch"} {
		b.launch(t, part).wantFault(t, 2, "bgremove: serve "+
			part+" needs queue.url (BGREMOVE_QUEUE_URL, --queue-url)", "use serve all")
	}
}

func (b binary) testBadConfiguration(t *testing.T) {
	b.launch(t, "all", "--grace=soon", "--queue-lease=1ms", "--http-upload-mib=-1",
		"--log-level=loud").wantFault(t, 2,
		"bgremove: bad configuration\n", "grace", "soon", "queue.lease", "1ms", "http.upload_mib",
		"-1", "log.level", "loud")
}

func (b binary) testDataFolderInUse(t *testing.T) {
	dir := "--queue-data-dir=" + t.TempDir()
	first := b.serve(t, "all", dir)
	b.launch(t, "all", dir).
		wantFault(t, 1, "bgremove: queue.data_dir: ", "is in use by another bgremove")
	first.stop(t)
	b.serve(t, "all", dir).stop(t)
}

func (b binary) testRedisComesLater(t *testing.T) {
	redis := queuetest.StartRedis(t)
	redis.Stop()
	url := b.serve(t, "proxy", "--queue-url="+redis.URL()).url(t, "proxy")
	for path, want := range map[string]int{
		"/health": 200, "/livez": 200, "/readyz": 503, "/metadata": 503,
	} {
		if status, body, err := fetch(t, http.MethodGet, url+path, nil); err != nil ||
			status != want {
			t.Errorf("without redis %s answers %d %s, %v; want %d", path, status, body, err, want)
		}
	}
	redis.Restart(t)
	eventually(t, "readiness", func() bool {
		status, _, err := fetch(t, http.MethodGet, url+"/readyz", nil)
		return err == nil && status == http.StatusOK
	})
	id := startJob(t, url, scaled(t, 24, 18))
	wantJob(t, jobOf(t, openQueue(t, redis.URL()), id), queue.Queued, 0)
}

func (b binary) testPredictorComesLater(t *testing.T) {
	redis := queuetest.StartRedis(t)
	q := openQueue(t, redis.URL())
	url := "--queue-url=" + redis.URL()
	proxy := b.serve(t, "proxy", url)
	predict := b.serve(t, "predict")
	addr := predict.url(t, "predict") // free from now on
	predict.kill(t)

	batch := b.serve(t, "batch", url, "--predict-url="+addr)
	var ids []string
	for range 5 {
		ids = append(ids, startJob(t, proxy.url(t, "proxy"), scaled(t, 24, 18)))
	}
	eventually(t, "a word of the absent predictor",
		func() bool { return strings.Contains(batch.stderr.String(), "predictor is away") })
	over := time.Now().Add(1500 * time.Millisecond) // batch asks for the predictor three times
	eventually(t, "time to pass", func() bool {
		for _, id := range ids {
			wantJob(t, jobOf(t, q, id), queue.Queued, 0)
		}
		return t.Failed() || time.Now().After(over)
	})

	b.serve(t, "predict", "--predict-addr="+strings.TrimPrefix(addr, "http://"))
	for _, id := range ids {
		wantJob(t, waitJob(t, q, id), queue.Succeeded, 1)
	}
}

// The workers are watched at an address of their own.
func (b binary) testBatchMetrics(t *testing.T) {
	redis := queuetest.StartRedis(t)
	p := b.serve(t, "batch", "--queue-url="+redis.URL(), "--predict-url=http://127.0.0.1:1",
		"--batch-addr=127.0.0.1:0", "--batch-workers=3")
	url := p.url(t, "metrics")
	if status, body := get(t, url+"/metrics"); status != 200 ||
		!strings.Contains(body, "bgremove_batch_workers 3") {
		t.Errorf("/metrics: %d %.300s", status, body)
	}
	if status, body := get(t, url+"/readyz"); status != 503 ||
		!strings.Contains(body, "predictor") {
		t.Errorf("/readyz without a predictor: %d %s", status, body)
	}
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}
