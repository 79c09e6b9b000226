package queue

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"bgremove/queue/store/spool"
)

// crashed opens the queue that there would be had the process of q been killed now.
func crashed(t *testing.T, q *Queue) *Queue {
	t.Helper()
	cfg := q.cfg
	cfg.DataDir = t.TempDir()
	// without the times of the files: a backup may lose them too
	must(t, os.CopyFS(cfg.DataDir, os.DirFS(q.cfg.DataDir)))
	return open(t, cfg)
}

func TestCrashKeepsJobs(t *testing.T) {
	ctx, q := t.Context(), embeddedIn(t, t.TempDir())
	q.cfg.BackoffBase, q.cfg.BackoffMax = time.Hour, time.Hour
	c := consumer(t, q)
	finish := func(r Request, end func(Claimed)) string {
		id := enqueue(t, q, r)
		j := claim(t, c)
		if j.ID != id {
			t.Fatalf("claimed %s, want %s", j.ID, id)
		}
		end(j)
		return id
	}
	succeed := func(j Claimed) { must(t, c.Complete(ctx, j, []byte("cut-out"), `{"width":1}`)) }
	fail := func(f Fault) func(Claimed) {
		return func(j Claimed) { _, err := c.Fail(ctx, j, f); must(t, err) }
	}
	deleted := finish(Request{}, fail(Fault{Code: "x"}))
	must(t, q.Requeue(ctx, deleted))
	must(t, q.Cancel(ctx, deleted))
	must(t, q.Delete(ctx, deleted))
	done := finish(Request{Image: []byte("a")}, succeed)
	kept := finish(Request{Image: []byte("b"), KeepInput: true}, succeed)
	failed := finish(Request{Image: []byte("c"), Options: "roi=1"},
		fail(Fault{Code: "corrupt_image", Message: "cut short"}))
	retrying := finish(Request{Image: []byte("d")}, fail(Fault{Code: "busy", Transient: true}))
	cancelled := enqueue(t, q, Request{Image: []byte("e")})
	must(t, q.Cancel(ctx, cancelled))
	running := finish(Request{Image: []byte("f")}, func(Claimed) {})
	released := finish(Request{Image: []byte("g")}, func(j Claimed) { must(t, c.Release(ctx, j)) })
	queued := enqueue(t, q, Request{Image: []byte("h"), Options: "channels=alpha", Priority: Bulk})
	before, err := q.Job(ctx, queued)
	must(t, err)

	q = crashed(t, q)
	c = consumer(t, q)
	j := wantState(t, q, done, Succeeded)
	if out, err := q.Output(ctx, j); err != nil || string(out) != "cut-out" ||
		j.Result != `{"width":1}` || j.Attempt != 1 || j.Finished.IsZero() {
		t.Errorf("output is %q, %v of %+v", out, err, j)
	}
	_, err = q.Input(ctx, j)
	wantErr(t, err, ErrNotFound)
	if in, err := q.Input(ctx, wantState(t, q, kept, Succeeded)); err != nil || string(in) != "b" {
		t.Errorf("kept input is %q, %v", in, err)
	}
	if j := wantState(t, q, failed, Failed); j.Code != "corrupt_image" || j.Message != "cut short" {
		t.Errorf("failed job is %+v", j)
	}
	wantState(t, q, cancelled, Cancelled)
	_, err = q.Job(ctx, deleted)
	wantErr(t, err, ErrNotFound)
	if got := wantState(t, q, queued, Queued); got.Created.Sub(before.Created).
		Abs() > time.Second || got.Deadline.Sub(before.Deadline).Abs() > time.Second ||
		got.Priority != Bulk || got.MaxAttempts != before.MaxAttempts {
		t.Errorf("queued job was %+v, is %+v", before, got)
	}
	if s, err := q.Stats(ctx); err != nil ||
		s.Counters["bytes"] != int64(len("dfgh")+len("channels=alpha")) || s.Dead != 1 {
		t.Errorf("statistics are %+v, %v", s, err)
	}
	must(t, q.Requeue(ctx, failed))
	for _, want := range []struct {
		id, image, options string
		attempt            int
	}{
		{retrying, "d", "", 2},
		{running, "f", "", 2},
		{released, "g", "", 1},
		{failed, "c", "roi=1", 1},
		{queued, "h", "channels=alpha", 1},
	} {
		j := claim(t, c)
		in, err := c.Input(ctx, j)
		if err != nil || j.ID != want.id || string(in) != want.image || j.Options != want.options ||
			j.Attempt != want.attempt {
			t.Errorf("claimed %+v with %q, %v; want %+v", j, in, err, want)
		}
		must(t, c.Complete(ctx, j, nil, ""))
	}
}

// An end that a claim finds is on disk too.
func TestCrashAfterDeadline(t *testing.T) {
	ctx, q := t.Context(), embeddedIn(t, t.TempDir())
	late, lost := enqueue(t, q, Request{Image: []byte("in"), Priority: Bulk}),
		enqueue(t, q, Request{})
	c := consumer(t, q)
	if j := claim(t, c); j.ID != lost {
		t.Fatalf("claimed %+v", j)
	}
	must(t, q.redis.HSet(ctx, q.jobKey(lost), "max", 1).Err())
	must(t, q.redis.ZAdd(ctx, q.prefix+":lease", redis.Z{Score: 1, Member: lost}).Err())
	must(t, q.redis.HSet(ctx, q.jobKey(late), "deadline", 1).Err())
	_, _, err := c.Claim(ctx, 1)
	must(t, err)
	q = crashed(t, q)
	wantState(t, q, late, Expired)
	if j := wantState(t, q, lost, Failed); j.Code != "worker_lost" {
		t.Errorf("%+v", j)
	}
	must(t, q.Requeue(ctx, late))
	if in, err := consumer(t, q).Input(ctx, claim(t, consumer(t, q))); err != nil ||
		string(in) != "in" {
		t.Errorf("input is %q, %v", in, err)
	}
}

// What is requeued has its new deadline and all its attempts after a crash too.
func TestCrashAfterRequeue(t *testing.T) {
	ctx, q := t.Context(), embeddedIn(t, t.TempDir())
	id := enqueue(t, q, Request{Image: []byte("in")})
	c := consumer(t, q)
	_, err := c.Fail(ctx, claim(t, c), Fault{Code: "x"})
	must(t, err)
	must(t, q.Requeue(ctx, id))
	q = crashed(t, q)
	wantState(t, q, id, Queued)
	c = consumer(t, q)
	j := claim(t, c)
	if in, err := c.Input(ctx, j); err != nil || string(in) != "in" || j.Attempt != 1 {
		t.Errorf("claimed %+v with %q, %v", j, in, err)
	}
}

// An image that ends every process that works on it fails after its attempts. Another that runs
// beside it loses one attempt at most.
func TestPoison(t *testing.T) {
	ctx, q := t.Context(), embeddedIn(t, t.TempDir())
	poison := enqueue(t, q, Request{Image: []byte("poison")})
	innocent := enqueue(t, q, Request{Image: []byte("innocent")})
	crashes := 0
	for wantState(t, q, poison, Queued); crashes < 10; crashes++ {
		c := consumer(t, q)
		jobs, _, err := c.Claim(ctx, 2) // two workers
		must(t, err)
		crash := false
		for _, j := range jobs {
			crash = crash || j.ID == poison
		}
		if !crash {
			for _, j := range jobs {
				must(t, c.Complete(ctx, j, nil, ""))
			}
			if len(jobs) == 0 {
				break
			}
			continue
		}
		q = crashed(t, q)
	}
	if j := wantState(t, q, poison, Failed); j.Attempt != 3 || j.Code != "worker_lost" ||
		!strings.Contains(j.Message, "ended 3 times") {
		t.Errorf("after %d crashes: %+v", crashes, j)
	}
	c := consumer(t, q)
	for j, err := q.Job(ctx, innocent); j.State != Succeeded; j, err = q.Job(ctx, innocent) {
		must(t, err)
		j := claim(t, c)
		if j.Attempt > 2 {
			t.Errorf("the other job lost %d attempts", j.Attempt-1)
		}
		must(t, c.Complete(ctx, j, nil, ""))
	}
}

// Suspects run one at a time, on every kind of server, and others beside them.
func testSuspectsRunAlone(t *testing.T, q *Queue) {
	ctx, c := t.Context(), consumer(t, q)
	var suspects []string
	for range 2 {
		suspects = append(suspects, enqueue(t, q, Request{}))
		_, err := c.Fail(ctx, claim(t, c), Fault{Code: "broken", Transient: true, Suspect: true})
		must(t, err)
	}
	first := claim(t, c)
	other := enqueue(t, q, Request{})
	j := claim(t, c)
	if j.ID != other {
		t.Errorf("claimed %s beside a suspect, want %s", j.ID, other)
	}
	must(t, c.Complete(ctx, j, nil, ""))
	deadline := time.Now().Add(250 * time.Millisecond) // longer than a suspect is put off
	for time.Now().Before(deadline) {
		jobs, _, err := c.Claim(ctx, 2)
		must(t, err)
		if len(jobs) > 0 {
			t.Fatalf("claimed %v while suspect %s runs", jobs, first.ID)
		}
		_, err = c.Heartbeat(ctx, []Claimed{first})
		must(t, err)
	}
	enqueue(t, q, Request{}) // behind the suspect that was put off
	must(t, c.Complete(ctx, first, nil, ""))
	<-time.After(150 * time.Millisecond) // longer than it is put off for
	second := claim(t, c)
	if first.ID == second.ID || second.ID != suspects[0] && second.ID != suspects[1] {
		t.Errorf("claimed %s, want the other of %v", second.ID, suspects)
	}
}

func TestDamagedJob(t *testing.T) {
	q := embeddedIn(t, t.TempDir())
	bad, good := enqueue(t, q, Request{Image: []byte("bad image")}), enqueue(t, q, Request{})
	_, err := q.durable.spool.Job(bad) // so that it is in memory no more
	must(t, err)
	path := fileOf(t, q.cfg.DataDir, "job", bad)
	data, err := os.ReadFile(path)
	must(t, err)
	data[len(data)-1]++
	must(t, os.WriteFile(path, data, 0o600))
	must(t, os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)))
	after := crashed(t, q)
	// the process that is still there finds it out as it reads it
	_, err = consumer(t, q).Input(t.Context(), claim(t, consumer(t, q)))
	wantErr(t, err, ErrDamaged)
	for range 2 {
		if j := wantState(t, after, bad, Failed); j.Code != "damaged" {
			t.Errorf("a damaged job is %+v", j)
		}
		if j := claim(t, consumer(t, after)); j.ID != good {
			t.Errorf("claimed %s, want %s", j.ID, good)
		}
		after = crashed(t, after) // and so it stays
	}
}

func fileOf(t *testing.T, dir, folder, id string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "spool", folder, "*", id))
	if err != nil || len(found) != 1 {
		t.Fatalf("files of %s: %v, %v", id, found, err)
	}
	return found[0]
}

func TestFullDiskRefusesJobs(t *testing.T) {
	cfg := DefaultConfig()
	cfg.DataDir, cfg.DiskReserve = t.TempDir(), 1<<40
	q := open(t, cfg)
	wantErr(t, q.Room(t.Context()), ErrNoSpace)
	wantErr(t, q.Check(t.Context()), ErrNoSpace)
}

// A folder that cannot be written is a fault of the store, and nothing is left of the job.
func TestLostFolder(t *testing.T) {
	q := embeddedIn(t, t.TempDir())
	id := enqueue(t, q, Request{})
	must(t, os.RemoveAll(filepath.Join(q.cfg.DataDir, "spool", "tmp")))
	_, err := q.Enqueue(t.Context(), Request{})
	wantErr(t, err, ErrStorage)
	wantErr(t, q.Check(t.Context()), ErrStorage)
	c := consumer(t, q)
	j := claim(t, c)
	err = c.Complete(t.Context(), j, nil, "")
	wantErr(t, err, ErrStorage)
	if state, err := c.Fail(t.Context(), j, Fault{Code: "storage", Transient: true}); err != nil ||
		state != Retrying {
		t.Errorf("state %s, %v", state, err)
	}
	must(t, os.Mkdir(filepath.Join(q.cfg.DataDir, "spool", "tmp"), 0o700))
	must(t, c.Complete(t.Context(), claim(t, c), nil, ""))
	wantState(t, q, id, Succeeded)
}

func TestEphemeral(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	cfg := DefaultConfig()
	cfg.Ephemeral = true
	q, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	must(t, err)
	enqueue(t, q, Request{})
	if n := files(t, os.TempDir()); len(n) != 1 {
		t.Errorf("files are %v", n)
	}
	must(t, q.Close())
	entries, err := os.ReadDir(os.TempDir())
	if err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestExpiredJobIsRemembered(t *testing.T) {
	ctx, q := t.Context(), embeddedIn(t, t.TempDir())
	q.cfg.ResultTTL = time.Second
	id := enqueue(t, q, Request{})
	c := consumer(t, q)
	must(t, c.Complete(ctx, claim(t, c), []byte("out"), ""))
	gone := func(q *Queue) {
		t.Helper()
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		for {
			if _, err := q.Job(ctx, id); errors.Is(err, ErrGone) {
				return
			}
			must(t, ctx.Err())
		}
	}
	gone(q)
	// the server may be a little ahead of the files
	must(t, q.durable.spool.Sweep(time.Now().Add(2*time.Second), time.Hour))
	if n := files(t, filepath.Join(q.cfg.DataDir, "spool", "res")); len(n) != 0 {
		t.Errorf("left are %v", n)
	}
	gone(crashed(t, q))
	_, err := q.Job(ctx, "nobody")
	if !errors.Is(err, ErrNotFound) || errors.Is(err, ErrGone) {
		t.Errorf("a job that never was: %v", err)
	}
}

// The folder's lock, files and goroutines are given back where a start fails.
func TestReplayFails(t *testing.T) {
	q := embeddedIn(t, t.TempDir())
	id := enqueue(t, q, Request{})
	f := spool.File{About: []byte("no JSON"), Expires: time.Now().Add(time.Hour)}
	must(t, q.durable.spool.Accept(id, f))
	cfg := q.cfg
	cfg.DataDir = t.TempDir()
	must(t, os.CopyFS(cfg.DataDir, os.DirFS(q.cfg.DataDir)))
	ignore := goleak.IgnoreCurrent()
	_, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "queue.data_dir: job "+id) {
		t.Errorf("error is %v", err)
	}
	goleak.VerifyNone(t, ignore)
	s, err := spool.Open(filepath.Join(cfg.DataDir, "spool"), spool.Options{},
		slog.New(slog.DiscardHandler))
	must(t, err)
	must(t, s.Close())
	_, err = os.Stat(filepath.Join(cfg.DataDir, "spool", "LOCK"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// What was just written is not read back from the disk: neither a new job's picture and options,
// nor a result that somebody waits for.
func TestFreshImagesAreNotRead(t *testing.T) {
	ctx, q := t.Context(), embeddedIn(t, t.TempDir())
	c := consumer(t, q)
	cut := func(folder, id string) { // leaves a damaged file: who reads it is told
		t.Helper()
		path := fileOf(t, q.cfg.DataDir, folder, id)
		must(t, os.Truncate(path, 30))
		must(t, os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)))
	}
	long := strings.Repeat("long ", inlineBytes)
	finish := func() Job {
		t.Helper()
		id := enqueue(t, q, Request{Image: []byte("in"), Options: long})
		cut("job", id)
		j := claim(t, c)
		if in, err := c.Input(t.Context(), j); err != nil || string(in) != "in" ||
			j.Options != long {
			t.Errorf("input is %q, %v, with %d bytes of options", in, err, len(j.Options))
		}
		changed, stop := q.Watch(id, true)
		must(t, c.Complete(t.Context(), j, []byte("out"), ""))
		<-changed
		stop()
		cut("res", id)
		return wantState(t, q, id, Succeeded)
	}
	j := finish()
	if out, err := q.Output(ctx, j); err != nil || string(out) != "out" {
		t.Errorf("output is %q, %v", out, err)
	}
	_, err := q.Output(ctx, j) // it was handed over
	wantErr(t, err, spool.ErrCorrupt)
}

// Long options survive a crash, a retry and a requeue, and are in the memory of no server.
func TestLongOptions(t *testing.T) {
	ctx, q := t.Context(), embeddedIn(t, t.TempDir())
	long := strings.Repeat("long ", inlineBytes)
	id := enqueue(t, q, Request{Image: []byte("in"), Options: long})
	want := func(attempt int) (*Consumer, Claimed) {
		t.Helper()
		if s, err := q.Stats(t.Context()); err != nil || s.Counters["bytes"] != int64(len(long)+2) {
			t.Errorf("%d bytes are held, %v", s.Counters["bytes"], err)
		}
		c := consumer(t, q)
		j := claim(t, c)
		in, err := c.Input(t.Context(), j)
		if err != nil || string(in) != "in" || j.Options != long || j.Attempt != attempt {
			t.Errorf("attempt %d with %q and %d bytes of options, %v",
				j.Attempt, in, len(j.Options), err)
		}
		if n := q.redis.HStrLen(t.Context(), q.jobKey(id), "options").Val(); n != 0 {
			t.Errorf("the server has %d bytes of options", n)
		}
		return c, j
	}
	c, j := want(1)
	must(t, c.Release(ctx, j))
	c, j = want(1)
	_, err := c.Fail(ctx, j, Fault{Code: "x"})
	must(t, err)
	q = crashed(t, q)
	must(t, q.Requeue(ctx, id))
	want(1)
	q = crashed(t, q)
	c, j = want(2)
	must(t, c.Complete(ctx, j, []byte("out"), ""))
	if s, err := q.Stats(ctx); err != nil || s.Counters["bytes"] != 0 {
		t.Errorf("%d bytes are held, %v", s.Counters["bytes"], err)
	}
}
