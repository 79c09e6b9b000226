package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"bgremove/queue/store/spool"
)

// durable is what an embedded queue has on disk, since its server keeps all in memory: each job
// with its image as a file of the spool, written before the job is accepted, and its end as
// another. A description there is the job's hash. Beside an external server, which keeps its jobs
// itself, it is nil: its methods then do nothing.
type durable struct {
	spool    *spool.Spool
	temp     string // folder to remove at the end: an ephemeral queue's; empty for none
	seed     maphash.Seed
	settling [64]sync.Mutex // by job: one caller at a time decides and writes how it ends
}

const (
	spoolScheme = "spool"  // of references to images in the spool
	inlineBytes = 4 << 10  // longer options lie beside the image, and not in the job's hash
	heldBytes   = 64 << 20 // of files in memory that were just written and are about to be read
)

// description is what the spool keeps of a job beside its image.
type description struct {
	Expires int64             `json:"expires"` // ms since 1970, at which the file may go
	Job     map[string]string `json:"job"`     // the job's hash
}

func openDurable(q *Queue) (*durable, error) {
	d := &durable{seed: maphash.MakeSeed()}
	opts := spool.Options{Sync: q.cfg.Fsync, Reserve: q.cfg.reserve(), Hold: heldBytes}
	dir, err := dataDir(q.cfg)
	if q.cfg.Ephemeral {
		opts.Sync = false
		d.temp, err = os.MkdirTemp("", "bgremove-")
		dir = d.temp
	}
	if err != nil {
		return nil, err
	}
	if d.spool, err = spool.Open(filepath.Join(dir, "spool"), opts, q.log); err != nil {
		return nil, errors.Join(err, os.RemoveAll(d.temp))
	}
	return d, nil
}

func (d *durable) close() error {
	if d == nil {
		return nil
	}
	return errors.Join(d.spool.Close(), os.RemoveAll(d.temp))
}

// lock keeps others from settling the job until the function it returns is called.
func (d *durable) lock(id string) func() {
	if d == nil {
		return func() {}
	}
	m := &d.settling[maphash.String(d.seed, id)%uint64(len(d.settling))]
	m.Lock()
	return m.Unlock
}

// file returns a job's hash as the spool keeps it, for a time, with an image.
func file(job map[string]string, image []byte, ttl time.Duration) (spool.File, error) {
	expires := time.Now().Add(ttl)
	about, err := json.Marshal(description{expires.UnixMilli(), job})
	return spool.File{About: about, Image: image, Expires: expires}, err
}

// accept keeps a new job, or one that is finished already with the result out:
// from here on it survives.
func (d *durable) accept(
	id string, job map[string]string, patience, deadTTL time.Duration, r Request, out []byte,
) error {
	job["created"] = ms(time.Now())
	job["queued"], job["deadline"] = job["created"], ms(time.Now().Add(patience))
	job["log"] = job["created"] + " queued \n"
	ttl := patience + deadTTL
	if out != nil {
		ttl = duration(job["rttl"])
		err := d.finish(id, job, Succeeded, out, ttl, false) // first: a job alone would be run
		if err != nil || !r.KeepInput {
			return err
		}
	}
	f, err := file(job, r.Image, ttl)
	if err != nil {
		return err
	}
	f.Hold = out == nil
	if job["aside"] != "" {
		f.Options = r.Options
	}
	return d.spool.Accept(id, f)
}

// begin counts the attempts of jobs that were claimed. Those that cannot be counted are not to be
// run; their number is that of the last jobs.
func (d *durable) begin(jobs []Claimed) (uncounted int, err error) {
	if d == nil {
		return 0, nil
	}
	for i := range jobs {
		if err := d.beginOne(&jobs[i]); err != nil {
			return len(jobs) - i, err
		}
	}
	return 0, nil
}

func (d *durable) beginOne(j *Claimed) (err error) {
	defer d.lock(j.ID)() // a release of it may not be through
	if j.aside {
		j.Options, err = d.spool.Options(j.ID)
	}
	if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, spool.ErrCorrupt) {
		return err // what is left out, Input will say
	}
	return d.spool.Begin(j.ID)
}

// finish keeps the end of a job with its result, if it has one, and holds that in memory for who is
// about to read it.
func (d *durable) finish(id string, job map[string]string, state State, image []byte,
	ttl time.Duration, hold bool,
) error {
	job["state"], job["owner"], job["finished"] = string(state), "", ms(time.Now())
	f, err := file(job, image, ttl)
	if err != nil {
		return err
	}
	f.Hold = hold
	return d.spool.Finish(id, f)
}

// forget removes all there is of a job.
func (d *durable) forget(id string) error {
	if d == nil {
		return nil
	}
	defer d.lock(id)()
	return d.spool.Forget(id)
}

func ms(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// spoolImages gives the spool's files as stores gives those of other places, by names
// that end in .in or .out.
type spoolImages struct{ spool *spool.Spool }

func (s spoolImages) Check(context.Context) error { return s.spool.Check() }

func (s spoolImages) Put(_ context.Context, name string, _ []byte, _ time.Duration) error {
	return fmt.Errorf("image %s cannot be stored without its job", name)
}

func (s spoolImages) Get(_ context.Context, name string) ([]byte, error) {
	if id, isJob := strings.CutSuffix(name, ".in"); isJob {
		return s.spool.Job(id)
	}
	return s.spool.Result(strings.TrimSuffix(name, ".out"))
}

func (s spoolImages) Delete(_ context.Context, names ...string) error {
	var errs []error
	for _, name := range names {
		if id, isJob := strings.CutSuffix(name, ".in"); isJob {
			errs = append(errs, s.spool.DropJob(id))
		} else {
			errs = append(errs, s.spool.DropResult(strings.TrimSuffix(name, ".out")))
		}
	}
	return errors.Join(errs...)
}

func (s spoolImages) Touch(_ context.Context, name string, ttl time.Duration) error {
	return s.spool.Touch(strings.TrimSuffix(name, ".in"), time.Now().Add(ttl))
}

// replay puts back every job of the spool, oldest first, before anybody else sees the queue.
func (q *Queue) replay(ctx context.Context) error {
	start := time.Now()
	var found []restored
	err := q.durable.spool.Replay(ctx, func(e spool.Entry) error {
		r, err := q.restoredOf(e, start)
		if err == nil && r.job != nil {
			found = append(found, r)
		}
		return err
	})
	if err != nil {
		return err
	}
	slices.SortFunc(found, func(a, b restored) int { return a.created.Compare(b.created) })
	states := map[State]int{}
	for _, r := range found {
		if err := q.restore(ctx, r); err != nil {
			return err
		}
		states[State(r.job["state"])]++
	}
	if err := q.durable.spool.RecallGone(); err != nil {
		return err
	}
	if len(found) > 0 {
		q.log.InfoContext(ctx, "jobs are back from the data folder", "unfinished", states[Queued],
			"finished", len(found)-states[Queued], "took", time.Since(start).
				Round(time.Millisecond))
	}
	return nil
}

// restored is a job as its files have it.
type restored struct {
	id      string
	job     map[string]string
	created time.Time
	ttl     time.Duration // until an ended one is forgotten
}

// restoredOf drops what is not needed any more: then its job is nil.
func (q *Queue) restoredOf(e spool.Entry, now time.Time) (r restored, err error) {
	about := e.Result
	if about == nil {
		about = e.About
	}
	var d description
	if e.Damaged {
		d = q.damagedJob(now)
		if err := q.durable.finish(e.ID, d.Job, Failed, nil, q.cfg.DeadTTL, false); err != nil {
			return r, err
		}
	} else if err := json.Unmarshal(about, &d); err != nil {
		return r, fmt.Errorf("read its description: %w", err)
	}
	if err := recallHook(d.Job, e.Note); err != nil {
		return r, err
	}
	expires := time.UnixMilli(d.Expires)
	if !expires.After(now) { // the next sweep removes and remembers it
		if e.Result != nil && e.About != nil {
			return r, q.durable.spool.DropJob(e.ID) // without its result it would run again
		}
		return r, nil
	}
	if err := q.durable.spool.Expires(e.ID, expires); err != nil {
		return r, err
	}
	r = restored{id: e.ID, job: d.Job, created: moment(d.Job["created"]), ttl: expires.Sub(now)}
	switch {
	case e.About != nil && e.Result == nil:
		r.resume(e, now)
	case d.Job["state"] == string(Succeeded) && d.Job["keep"] != "1",
		d.Job["state"] == string(Cancelled):
		return r, q.durable.spool.DropJob(e.ID) // the process ended before this was done
	}
	return r, nil
}

// resume has a job that has not ended start again, unless it may have ended the process for the
// last time that it may.
func (r *restored) resume(e spool.Entry, now time.Time) {
	r.job["state"], r.job["owner"] = string(Queued), "" // whatever a worker made of it
	r.job["log"] += ms(now) + " queued restarted\n"
	r.job["attempt"], r.job["seq"] = strconv.Itoa(e.Attempts), strconv.Itoa(e.Attempts)
	if !e.Suspect {
		return
	}
	r.job["suspect"], r.job["code"] = "1", "worker_lost"
	if limit := number(r.job["max"]); int64(e.Attempts) >= limit {
		r.job["state"], r.job["finished"] = string(Failed), ms(now)
		r.job["msg"] = fmt.Sprintf("its process ended %d times while it ran", e.Attempts)
		r.ttl = min(r.ttl, time.Duration(number(r.job["dttl"]))*time.Millisecond)
	}
}

// damagedJob returns all that is known of an accepted job whose file is not what was written.
func (q *Queue) damagedJob(now time.Time) description {
	return description{
		Expires: now.Add(q.cfg.DeadTTL).UnixMilli(),
		Job: map[string]string{
			"prio": strconv.Itoa(int(Normal)), "bytes": "0", "created": ms(now),
			"patience": "0", "code": "damaged", "msg": "Its file on the disk was damaged",
		},
	}
}

func (q *Queue) restore(ctx context.Context, r restored) error {
	args := []any{r.id, max(r.ttl.Milliseconds(), 1)}
	for field, value := range r.job {
		args = append(args, field, value)
	}
	if err := q.eval(ctx, q.lua.restore, args...).Err(); err != nil {
		return fmt.Errorf("restore job %s: %w", r.id, err)
	}
	return nil
}

// finishDurably keeps the result of a job that is still the caller's, before the queue is told.
func (q *Queue) finishDurably(
	ctx context.Context, j Claimed, image []byte, result string,
) (ref string, err error) {
	job, err := q.jobHash(ctx, j.ID)
	if err != nil {
		return "", err
	}
	ref = q.blobs.newRef(j.ID, "out")
	if job["state"] == string(Succeeded) && job["out"] == ref {
		return ref, nil // told twice
	}
	if job["state"] != string(Running) || job["owner"] != j.owner {
		return "", ErrLost
	}
	delete(job, "options") // they stay only while the job may run again
	job["out"], job["result"], job["code"], job["msg"] = ref, result, "", ""
	job["log"] += ms(time.Now()) + " succeeded \n" // as complete.lua is about to say
	return ref, q.durable.finish(j.ID, job, Succeeded, image, j.ttl, q.waiters.waits(j.ID))
}

// failedDurably keeps what became of a failed attempt.
func (q *Queue) failedDurably(ctx context.Context, id string, state State) error {
	if state == Failed {
		return q.endDurably(ctx, id, Failed, q.cfg.DeadTTL)
	}
	return q.durable.spool.End(id)
}

// endDurably keeps the end of a job without a result, after the queue was told, unless
// it goes on again by now.
func (q *Queue) endDurably(ctx context.Context, id string, state State, ttl time.Duration) error {
	job, err := q.jobHash(ctx, id)
	if err != nil || job["state"] != string(state) {
		return err
	}
	return q.durable.finish(id, job, state, nil, ttl, false)
}

// endedDurably keeps the ends that a claim found: deadlines that had passed,
// workers lost too often.
func (q *Queue) endedDurably(ctx context.Context, ended map[string]State) {
	if q.durable == nil {
		return
	}
	for id, state := range ended {
		unlock := q.durable.lock(id)
		err := q.endDurably(ctx, id, state, q.cfg.DeadTTL)
		unlock()
		if err != nil {
			q.log.WarnContext(ctx,
				"the end of a job is not on disk: after a restart it is looked at again", "job",
				id, "err", err)
		}
	}
}

// requeueDurably has a job that had ended go on after a restart too. The last step decides:
// until then it has ended.
func (q *Queue) requeueDurably(ctx context.Context, id string) error {
	job, err := q.jobHash(ctx, id)
	if err != nil {
		return err
	}
	options, err := q.durable.spool.Options(id)
	if err != nil {
		return err
	}
	image, err := q.durable.spool.Job(id)
	if err != nil {
		return err
	}
	f, err := file(job, image, q.cfg.Deadline+q.cfg.DeadTTL)
	if err != nil {
		return err
	}
	f.Options = options
	if err := q.durable.spool.Accept(id, f); err != nil {
		return err
	}
	return q.durable.spool.DropResult(id)
}

// jobHash returns all that the queue's server knows of a job.
func (q *Queue) jobHash(ctx context.Context, id string) (map[string]string, error) {
	job, err := q.redis.HGetAll(ctx, q.jobKey(id)).Result()
	if err != nil {
		return nil, unavailable("read job", err)
	}
	if len(job) == 0 {
		return nil, ErrNotFound
	}
	return job, nil
}
