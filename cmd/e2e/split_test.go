package e2e

import (
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"bgremove/queue/queuetest"
)

// twice is every part two times on one Redis, each on an address that it keeps.
type twice struct {
	b     binary
	parts map[string][]*process
	args  map[string][][]string // by part: how each of the two is started
}

// startTwice starts them; their jobs outlive many kills, and their leases lapse soon.
func (b binary) startTwice(t *testing.T, redis *queuetest.Server) *twice {
	t.Helper()
	w := &twice{b: b, parts: map[string][]*process{}, args: map[string][][]string{}}
	queue := []string{
		"--queue-url=" + redis.URL(), "--queue-lease=2s",
		"--queue-max-attempts=1000", "--queue-backoff-max=1s", "--log-level=error",
	}
	var predictors []string
	start := func(part string, args ...string) *process {
		p := b.serve(t, part, args...)
		w.parts[part] = append(w.parts[part], p)
		w.args[part] = append(w.args[part], args)
		return p
	}
	keep := func(part, address string) { // the next start takes the same address
		last := len(w.args[part]) - 1
		w.args[part][last] = append(w.args[part][last],
			"--"+part+"-addr="+strings.TrimPrefix(address, "http://"))
	}
	for range 2 {
		url := start("predict", "--imaging-engine="+quickestEngine, "--imaging-looks=1",
			"--log-level=error").url(t, "predict")
		predictors = append(predictors, url)
		keep("predict", url)
	}
	for range 2 {
		start("batch",
			append(queue, "--predict-url="+strings.Join(predictors, ","), "--batch-workers=2")...)
		keep("proxy", start("proxy", queue...).url(t, "proxy"))
	}
	return w
}

// kill ends one process with -9 and starts it again.
func (w *twice) kill(t *testing.T, part string, i int) {
	t.Helper()
	w.parts[part][i].kill(t)
	w.parts[part][i] = w.b.serve(t, part, w.args[part][i]...)
}

// Each part, and Redis too, is killed at any moment under load: nothing that was accepted is lost,
// and all of it is right.
func (b binary) testKillParts(t *testing.T) {
	redis := queuetest.StartRedis(t, "--appendonly", "yes")
	w := b.startTwice(t, redis)
	pictures := [][]byte{scaled(t, 24, 18), scaled(t, 32, 24), scaled(t, 40, 30), scaled(t, 48, 36)}
	jobs := accepted{jobs: map[string]int{}}
	stop := make(chan struct{})
	var load sync.WaitGroup
	for i := range 2 {
		proxy := w.parts["proxy"][i].url(t, "proxy")
		load.Go(func() { jobs.submit(t, proxy, pictures, 150*time.Millisecond, stop) })
	}
	random := rand.New(rand.NewPCG(chaosSeed, 2))
	n := kills(t, 2)
	for range n {
		for _, part := range []string{"predict", "batch", "proxy", "redis"} {
			// a random moment is the point
			<-time.After(time.Duration(random.Int64N(int64(600 * time.Millisecond))))
			if part == "redis" {
				redis.Restart(t)
			} else {
				w.kill(t, part, random.IntN(2))
			}
		}
	}
	close(stop)
	load.Wait()
	var want [][]byte
	for _, picture := range pictures {
		want = append(want, predicted(t, w.parts["predict"][0].url(t, "predict"), picture))
	}
	proxy := w.parts["proxy"][0].url(t, "proxy")
	jobs.wantAll(t, proxy, want)
	eventually(t, "no job to run or wait", func() bool {
		running := metric(t, proxy, `bgremove_queue_jobs{where="running"}`) +
			metric(t, proxy, `bgremove_queue_jobs{where="queued_normal"}`) +
			metric(t, proxy, `bgremove_queue_jobs{where="retrying"}`)
		return running == "000"
	})
	t.Logf("%d kills of each part and of Redis, %d jobs accepted", n, len(jobs.jobs))
	for _, part := range []string{"proxy", "batch", "predict"} {
		for _, p := range w.parts[part] {
			p.stop(t)
		}
	}
}
