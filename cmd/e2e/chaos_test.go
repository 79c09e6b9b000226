package e2e

import (
	"bytes"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"bgremove/queue"
	"bgremove/queue/queuetest"
)

const (
	chaosWorkers = 4 // processes
	chaosSeed    = 1
)

// Worker processes are killed at any moment and no job is lost, done twice or left behind.
func (b binary) testChaos(t *testing.T) {
	jobs := 400
	if testing.Short() {
		jobs = 200
	}
	redis := queuetest.StartRedis(t)
	q := openQueue(t, redis.URL())
	url := "--queue-url=" + redis.URL()
	predict := b.serve(t, "predict", "--log-level=warn", "--imaging-engine="+quickestEngine,
		"--imaging-looks=1").url(t, "predict")
	// A job may be on a worker at every kill, and each takes an attempt of it.
	proxy := b.serve(t, "proxy", url, "--queue-max-attempts=1000", "--log-level=warn").
		url(t, "proxy")
	picture := scaled(t, 60, 45)
	var ids []string
	for range jobs {
		ids = append(ids, startJob(t, proxy, picture))
	}

	worker := func() *process {
		return b.launch(t, "batch", url, "--predict-url="+predict, "--batch-workers=1",
			"--queue-lease=1s")
	}
	start := time.Now()
	kills := killUntil(t, worker, int64(jobs),
		func() int64 { return stats(t, q).Counters["succeeded"] })
	s := stats(t, q)
	t.Logf("%d jobs in %v: %d kills, %d lapsed leases, %d results that came too late, %d "+
		"retries, %d claims", jobs,
		time.Since(start).Round(time.Millisecond), kills, s.Counters["lease_expired"],
		s.Counters["lost"], s.Counters["retried"],
		s.Counters["claims"])

	if s.Counters["succeeded"] != int64(jobs) || s.Counters["failed"] != 0 ||
		s.Counters["bytes"] != 0 {
		t.Errorf("counters are %v, want %d succeeded, none failed and no bytes held",
			s.Counters, jobs)
	}
	if s.Queued != [3]int64{} || s.Retrying != 0 || s.Running != 0 || s.Dead != 0 {
		t.Errorf("left behind: %d queued, %d retrying, %d leased, %d dead",
			s.Queued, s.Retrying, s.Running, s.Dead)
	}
	if s.Counters["lease_expired"] == 0 {
		t.Error("no kill hit a job: this test shows nothing")
	}
	wantResults(t, q, redis, ids)
}

func stats(t *testing.T, q *queue.Queue) queue.Stats {
	t.Helper()
	s, err := q.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// killUntil keeps a set of workers up, kills one of them every 150 to 300 ms and starts another in
// its place at once, until that many jobs are done. Three more have to be done before each kill:
// jobs that were hit run one at a time, and on a slow machine that would be all of them. The last
// set is asked to stop. It returns how many it killed.
func killUntil(t *testing.T, worker func() *process, jobs int64, done func() int64) (kills int) {
	t.Helper()
	random := rand.New(rand.NewPCG(chaosSeed, 0))
	var up []*process
	for range chaosWorkers {
		up = append(up, worker())
	}
	next := time.Now()
	least := int64(0)
	within(t, 2*time.Minute, "all jobs to be done", func() bool {
		n := done()
		if time.Now().After(next) && n >= least {
			least = n + 3
			next = time.Now().Add(
				150*time.Millisecond + time.Duration(random.Int64N(int64(150*time.Millisecond))))
			i := random.IntN(len(up))
			up[i].kill(t)
			up[i] = worker()
			kills++
		}
		return n >= jobs
	})
	for _, p := range up {
		p.untilReady(t) // it may have begun just now, and know nothing of signals yet
		p.stop(t)
	}
	return kills
}

// wantResults expects every job to have a result, the same for all. A worker that is killed between
// storing its image and telling the queue leaves an image that no job knows of. It stays until its
// TTL: at most one for each attempt that was lost.
func wantResults(t *testing.T, q *queue.Queue, redis *queuetest.Server, ids []string) {
	t.Helper()
	stored := map[string][]string{} // output images by job
	var ask strings.Builder
	for key := range strings.FieldsSeq(
		redisCLI(t, redis, "", "--scan", "--pattern", "bg:blob:*:out.*")) {
		id, _, _ := strings.Cut(strings.TrimPrefix(key, "bg:blob:{"), "}")
		stored[id] = append(stored[id], key)
		ask.WriteString("PTTL " + key + "\n")
	}
	for ttl := range strings.FieldsSeq(redisCLI(t, redis, ask.String())) {
		if ms, err := strconv.Atoi(ttl); err != nil || ms <= 0 {
			t.Errorf("an output image has a TTL of %s ms", ttl)
		}
	}
	var first []byte
	orphans := 0
	for _, id := range ids {
		j := jobOf(t, q, id)
		if j.State != queue.Succeeded {
			t.Errorf("job %s is %s", id, j.State)
			continue
		}
		out, err := q.Output(t.Context(), j)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = out
		}
		if len(out) == 0 || !bytes.Equal(out, first) {
			t.Errorf("job %s has another result than the first", id)
		}
		if n := len(stored[id]); n > j.Attempt {
			t.Errorf("job %s has %d output images after %d attempts", id, n, j.Attempt)
		} else {
			orphans += n - 1
		}
		delete(stored, id)
	}
	t.Logf("%d output images of killed workers stay until their TTL", orphans)
	if len(stored) > 0 {
		t.Errorf("output images of no job: %v", stored)
	}
}

// redisCLI runs the command in args, or those in stdin, one a line.
func redisCLI(t *testing.T, server *queuetest.Server, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "redis-cli",
		append([]string{"-u", server.URL()}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("redis-cli %v: %v\n%s", args, err, out)
	}
	return string(out)
}
