package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"bgremove/queue"
	"bgremove/queue/queuetest"
)

// Large enough for a prediction of a second or more.
const (
	longWidth  = 960
	longHeight = 720
)

func (b binary) testStopIdle(t *testing.T) {
	redis := "--queue-url=" + queuetest.StartRedis(t).URL()
	predict := b.serve(t, "predict")
	for _, p := range []*process{
		b.serve(t, "all"),
		b.serve(t, "proxy", redis),
		b.serve(t, "batch", redis, "--predict-url="+predict.url(t, "predict")),
		predict,
	} {
		start := time.Now()
		p.stop(t)
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%v took %v to stop, want at most 2 s", p.cmd.Args[1:3], took)
		}
	}
}

func (b binary) testStopFinishesJob(t *testing.T) {
	p := b.serve(t, "all", "--log-level=debug")
	proxy, predict := p.url(t, "proxy"), p.url(t, "predict")
	id := startJob(t, proxy, scaled(t, longWidth, longHeight))
	untilPredicting(t, predict)
	p.signal(t, syscall.SIGTERM)
	eventually(t, "new connections to be refused", func() bool { return refuses(t, proxy) })
	if strings.Contains(p.stderr.String(), "job ended") {
		t.Fatal("the job ended too soon for this test: make its picture larger")
	}
	p.wantExit(t, 0)
	if log := p.stderr.String(); !strings.Contains(log,
		`msg="job ended" job=`+id+" attempt=1 outcome=succeeded") {
		t.Error("the job was not finished")
	}
}

// untilPredicting waits until a predictor works on an image.
func untilPredicting(t *testing.T, predict string) {
	t.Helper()
	eventually(t, "a prediction",
		func() bool { return metric(t, predict, "bgremove_predict_slots_in_use") == "1" })
}

// split is the four parts as separate processes, in the middle of a prediction.
type split struct {
	q       *queue.Queue
	id      string // of the job
	batch   *process
	predict *process
	where   []string // flags with which another batch joins in
}

func (b binary) split(t *testing.T, batchArgs ...string) split {
	t.Helper()
	redis := queuetest.StartRedis(t)
	url := "--queue-url=" + redis.URL()
	s := split{q: openQueue(t, redis.URL()), predict: b.serve(t, "predict")}
	predict := s.predict.url(t, "predict")
	s.where = []string{url, "--predict-url=" + predict}
	s.batch = b.serve(t, "batch", append(batchArgs, s.where...)...)
	s.id = startJob(t, b.serve(t, "proxy", url).url(t, "proxy"), scaled(t, longWidth, longHeight))
	untilPredicting(t, predict)
	return s
}

func (b binary) testStopGivesBack(t *testing.T) {
	s := b.split(t, "--grace=200ms")
	s.predict.signal(t, syscall.SIGSTOP) // a prediction without end
	wantJob(t, jobOf(t, s.q, s.id), queue.Running, 1)
	s.batch.stop(t)
	wantJob(t, jobOf(t, s.q, s.id), queue.Queued, 0)
	s.predict.signal(t, syscall.SIGCONT)
	b.serve(t, "batch", s.where...)
	wantJob(t, waitJob(t, s.q, s.id), queue.Succeeded, 1)
}

func (b binary) testSecondSignal(t *testing.T) {
	s := b.split(t, "--grace=1h")
	s.predict.signal(t, syscall.SIGSTOP)
	s.batch.signal(t, syscall.SIGTERM)
	eventually(t, "the first signal to be heard",
		func() bool { return strings.Contains(s.batch.stderr.String(), "msg=stopping") })
	start := time.Now()
	s.batch.signal(t, syscall.SIGTERM)
	s.batch.wantExit(t, -1)
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("the second signal took %v, want at most 2 s", took)
	}
	wantJob(t, jobOf(t, s.q, s.id), queue.Running, 1) // until its lease lapses
}

func (b binary) testPredictorDies(t *testing.T) {
	s := b.split(t, "--queue-backoff-base=100ms")
	s.predict.kill(t)
	addr := strings.TrimPrefix(s.predict.url(t, "predict"), "http://")
	b.serve(t, "predict", "--predict-addr="+addr)
	// The picture may have been what killed it, so that attempt counts.
	wantJob(t, waitJob(t, s.q, s.id), queue.Succeeded, 2)
}
