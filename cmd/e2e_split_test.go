package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"bgremove/queue"
	"bgremove/queue/queuetest"
)

// killsWanted is how often each part is killed. Read here, because TestMain clears the environment.
var killsWanted = os.Getenv("BGREMOVE_TEST_KILLS")

// fleet is every part twice, and the Redis that they share. What is killed comes back at its old address.
type fleet struct {
	binary binary
	redis  *queuetest.Server
	parts  map[string][]*process
	urls   map[string][]string // of proxies and predictors
}

var engineFlags = []string{"--log-level=warn", "--imaging-engine=" + quickestEngine, "--imaging-looks=1"}

func (b binary) fleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{
		binary: b, redis: queuetest.StartRedis(t, "--appendonly", "yes"),
		parts: map[string][]*process{}, urls: map[string][]string{},
	}
	for _, part := range []string{"predict", "proxy"} {
		for range 2 {
			p := b.serve(t, part, f.flags(part)...)
			f.parts[part] = append(f.parts[part], p)
			f.urls[part] = append(f.urls[part], p.url(t, part))
		}
	}
	for range 2 {
		f.parts["batch"] = append(f.parts["batch"], b.launch(t, "batch", f.flags("batch")...))
	}
	return f
}

func (f *fleet) flags(part string) []string {
	queue := []string{
		"--queue-url=" + f.redis.URL(), "--queue-max-attempts=1000", "--queue-lease=1s", "--queue-backoff-base=50ms",
		"--queue-backoff-max=200ms", "--log-level=warn",
	}
	switch part {
	case "predict":
		return engineFlags
	case "batch":
		return append(queue, "--predict-url="+strings.Join(f.urls["predict"], ","), "--batch-workers=2")
	}
	return queue
}

// kill ends one process of a part and starts another in its place.
func (f *fleet) kill(t *testing.T, part string, which int) {
	t.Helper()
	if part == "redis" {
		f.redis.Restart(t)
		return
	}
	flags := f.flags(part)
	if urls := f.urls[part]; urls != nil {
		flags = append(flags[:len(flags):len(flags)], "--"+part+"-addr="+strings.TrimPrefix(urls[which], "http://"))
	}
	f.parts[part][which].kill(t)
	f.parts[part][which] = f.binary.launch(t, part, flags...)
}

// pictures are some that differ, with their cut-outs.
type pictures struct{ in, out [][]byte }

func (b binary) pictures(t *testing.T) (p pictures) {
	t.Helper()
	predict := b.serve(t, "predict", engineFlags...)
	for i := range 6 {
		in := scaled(t, 40+4*i, 36)
		body, err := json.Marshal(map[string][]byte{"image": in})
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Out []byte `json:"img_none_bg_base64"`
		}
		request(t, http.MethodPost, predict.url(t, "predict")+"/predict", bytes.NewReader(body), &answer)
		p.in, p.out = append(p.in, body), append(p.out, answer.Out)
	}
	predict.stop(t)
	return p
}

// submit has both proxies take jobs until ctx ends, and returns which picture each accepted job has.
func (f *fleet) submit(ctx context.Context, t *testing.T, p pictures) (accepted map[string]int, refused int) {
	t.Helper()
	accepted = map[string]int{}
	var mu sync.Mutex
	var sending sync.WaitGroup
	for _, proxy := range f.urls["proxy"] {
		sending.Go(func() {
			tick := time.NewTicker(40 * time.Millisecond)
			defer tick.Stop()
			for i := 0; ctx.Err() == nil; i = (i + 1) % len(p.in) {
				start := time.Now()
				status, data, err := fetch(t, http.MethodPost, proxy+"/start_job", bytes.NewReader(p.in[i])) //nolint:contextcheck // it takes the test's
				if took := time.Since(start); took > 25*time.Second {
					t.Errorf("a proxy took %v to answer %d, %v", took, status, err)
				}
				var job struct {
					ID string `json:"job_id"`
				}
				mu.Lock()
				switch {
				case err != nil || status == http.StatusServiceUnavailable: // killed, or without Redis
					refused++
				case status != http.StatusOK || json.Unmarshal(data, &job) != nil || job.ID == "":
					t.Errorf("start_job answered %d %.200s", status, data)
				default:
					accepted[job.ID] = i
				}
				mu.Unlock()
				<-tick.C
			}
		})
	}
	sending.Wait()
	return accepted, refused
}

// Every part and Redis are killed at any moment under load: each job that was accepted ends with the cut-out of its own picture.
func (b binary) testSplitKills(t *testing.T) {
	kills := 4
	if n, err := strconv.Atoi(killsWanted); err == nil {
		kills = n
	}
	p := b.pictures(t)
	f := b.fleet(t)
	q := openQueue(t, f.redis.URL())
	var plan []string
	for _, part := range []string{"proxy", "batch", "predict", "redis"} {
		for range kills {
			plan = append(plan, part)
		}
	}
	random := rand.New(rand.NewPCG(chaosSeed, 1))
	random.Shuffle(len(plan), func(i, j int) { plan[i], plan[j] = plan[j], plan[i] })

	ctx, cancel := context.WithCancel(t.Context())
	var accepted map[string]int
	var refused int
	submitted := make(chan struct{})
	go func() { defer close(submitted); accepted, refused = f.submit(ctx, t, p) }()
	t.Cleanup(func() { cancel(); <-submitted })
	start := time.Now()
	for _, part := range plan {
		pause := time.NewTimer(150*time.Millisecond + time.Duration(random.Int64N(int64(350*time.Millisecond))))
		<-pause.C
		f.kill(t, part, random.IntN(2))
	}
	cancel()
	<-submitted
	killed := time.Since(start)
	for left := int64(1); left > 0; {
		within(t, 30*time.Second, "any of the jobs left to end", func() bool {
			now := f.unfinished(t, q)
			progress := now == 0 || now < left
			left = now
			return progress
		})
	}
	s := stats(t, q)
	t.Logf("%d kills in %v, done %v later: %d accepted, %d refused; counters %v", len(plan), killed.Round(time.Millisecond),
		(time.Since(start) - killed).Round(time.Millisecond), len(accepted), refused, s.Counters)
	if len(accepted) == 0 || s.Counters["retried"]+s.Counters["lease_expired"] == 0 {
		t.Error("no kill hit a job: this test shows nothing")
	}
	for id, i := range accepted {
		j := jobOf(t, q, id)
		if j.State != queue.Succeeded {
			t.Errorf("job %s is %s (%s %s)", id, j.State, j.Code, j.Message)
			continue
		}
		if out, err := q.Output(t.Context(), j); err != nil || !bytes.Equal(out, p.out[i]) {
			t.Errorf("job %s has not the cut-out of its picture: %d bytes, want %d, %v", id, len(out), len(p.out[i]), err)
		}
	}
}

// unfinished counts jobs that are not terminal. Nothing but kill may end a process.
func (f *fleet) unfinished(t *testing.T, q *queue.Queue) int64 {
	t.Helper()
	for part, processes := range f.parts {
		for _, p := range processes {
			if p.hasEnded() {
				t.Fatalf("%s ended by itself: %v", part, p.cmd.ProcessState)
			}
		}
	}
	s := stats(t, q)
	return s.Queued[0] + s.Queued[1] + s.Queued[2] + s.Retrying + s.Running
}

// A Redis that neither answers nor refuses: requests are answered in time, soon at once, and readiness follows.
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
