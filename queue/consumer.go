package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"bgremove/queue/store/spool"
)

// longestIdle bounds how long Idle sleeps, and so how late a job is noticed whose
// wake-up token was lost.
const longestIdle = 2 * time.Second

var errAnswer = errors.New("claim: unexpected answer")

// Consumer is the working side of a queue: one per process that runs jobs. Its methods may be
// called concurrently, but only one Idle at a time. Its owner closes it before the Queue.
type Consumer struct {
	q      *Queue
	worker string       // shown in the job
	token  string       // random: tells this consumer from an earlier one of the same name
	calls  atomic.Int64 // numbers the claims
	// for blocking reads alone: closing it is the only way to interrupt one
	sleep redis.UniversalClient
}

// Claimed is a job in the hands of this consumer until it is completed, failed,
// released or its lease lapses.
type Claimed struct {
	ID        string
	Attempt   int // 1 for the first
	Options   string
	Created   time.Time
	Trace     string // as the request gave it
	input     string
	owner     string
	keepInput bool
	ttl       time.Duration // of the result
	cachedBy  string        // id of the job that has the same result
	aside     bool          // its options are not in its hash
}

// Consumer makes a consumer; worker is a name for people to read, such as host and pid.
func (q *Queue) Consumer(worker string) *Consumer {
	return &Consumer{q: q, worker: worker, token: newID()[:16], sleep: q.dial()}
}

// Close interrupts an Idle under way. Jobs still claimed stay so until their lease
// lapses: release them first.
func (c *Consumer) Close() error {
	if err := c.sleep.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
		return err
	}
	return nil
}

// Lease returns how long a claimed job stays this consumer's without a heartbeat.
func (c *Consumer) Lease() time.Duration { return c.q.cfg.Lease }

// Claim takes up to n jobs, and tells of lapsed leases and deadlines, also where n is 0. With none
// to be had, next is the time until a retry or a lease falls due, negative if there is none.
func (c *Consumer) Claim(
	ctx context.Context, n int,
) (jobs []Claimed, next time.Duration, err error) {
	answer, err := c.q.eval(ctx, c.q.lua.claim, c.worker, c.token, c.q.cfg.Lease.Milliseconds(), n,
		c.q.cfg.DeadTTL.Milliseconds(),
		c.calls.Add(1)).Slice()
	if err != nil {
		return nil, 0, unavailable("claim", err)
	}
	jobs, next, ended, err := readClaim(answer)
	if err != nil {
		return nil, 0, err
	}
	c.q.endedDurably(ctx, ended)
	uncounted, err := c.q.durable.begin(jobs)
	if err != nil {
		err = fmt.Errorf("count an attempt: %w", err)
	}
	for _, j := range jobs[len(jobs)-uncounted:] {
		_, e := settle(c.q.eval(ctx, c.q.lua.release, j.ID, j.owner))
		err = errors.Join(err, e)
	}
	return jobs[:len(jobs)-uncounted], next, err
}

// readClaim reads the answer of the script; ended are the jobs that have come to their end in it.
func readClaim(
	answer []any,
) (jobs []Claimed, next time.Duration, ended map[string]State, err error) {
	if len(answer) != 3 {
		return nil, 0, nil, errAnswer
	}
	ms, ok := answer[0].(int64)
	rows, ok2 := answer[1].([]any)
	ends, ok3 := answer[2].([]any)
	if !ok || !ok2 || !ok3 || len(ends)%2 != 0 {
		return nil, 0, nil, errAnswer
	}
	for _, row := range rows {
		f, ok := row.([]any)
		if !ok || len(f) != 10 {
			return nil, 0, nil, errAnswer
		}
		text := func(i int) string { s, _ := f[i].(string); return s }
		jobs = append(jobs, Claimed{
			ID: text(0), owner: text(1), Attempt: int(number(text(2))),
			input: text(3), Options: text(4),
			keepInput: text(5) == "1", Created: moment(text(6)),
			ttl: duration(text(7)), Trace: text(8),
			cachedBy: text(9), aside: f[4] == nil,
		})
	}
	ended = map[string]State{}
	for i := 0; i < len(ends); i += 2 {
		id, _ := ends[i].(string)
		state, _ := ends[i+1].(string)
		ended[id] = State(state)
	}
	return jobs, time.Duration(ms) * time.Millisecond, ended, nil
}

// Idle sleeps until there may be something to claim: a wake-up token, next (see Claim) or two
// seconds. It ends at once when ctx does; the consumer can then not sleep again.
func (c *Consumer) Idle(ctx context.Context, next time.Duration) error {
	d := longestIdle
	if next >= 0 {
		d = min(d, max(next, 5*time.Millisecond))
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	err := c.sleep.Do(ctx, "BLPOP", c.q.prefix+":wake",
		strconv.FormatFloat(d.Seconds(), 'f', 3, 64)).Err()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return unavailable("wait for jobs", err)
}

// Heartbeat prolongs the leases of jobs and returns those that are this consumer's no longer.
func (c *Consumer) Heartbeat(ctx context.Context, jobs []Claimed) (lost []Claimed, err error) {
	args := []any{c.q.cfg.Lease.Milliseconds()}
	for _, j := range jobs {
		args = append(args, j.ID, j.owner)
	}
	kept, err := c.q.eval(ctx, c.q.lua.heartbeat, args...).Int64Slice()
	if err != nil {
		return nil, unavailable("heartbeat", err)
	}
	for i, k := range kept {
		if k == 0 {
			lost = append(lost, jobs[i])
		}
	}
	return lost, nil
}

// Input returns the image to work on, ErrInputExpired where it is gone, ErrDamaged where it is
// not what was submitted.
func (c *Consumer) Input(ctx context.Context, j Claimed) ([]byte, error) {
	data, err := c.q.read(ctx, j.input)
	if errors.Is(err, ErrNotFound) {
		return nil, ErrInputExpired
	}
	if errors.Is(err, spool.ErrCorrupt) {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return data, err
}

// Complete stores the result and ends the job. ErrLost: the job was another's by then and
// the result is dropped.
func (c *Consumer) Complete(ctx context.Context, j Claimed, image []byte, result string) error {
	defer c.q.durable.lock(j.ID)()
	out, err := c.storeOutput(ctx, j, image, result)
	if errors.Is(err, ErrLost) {
		return err
	} else if err != nil {
		return fmt.Errorf("store result: %w", storage(err))
	}
	if _, err := settle(
		c.q.evalReplicated(ctx, c.q.lua.complete, j.ID, j.owner, out, result)); err != nil {
		// on any other error it may have been taken, so the image stays until its TTL
		if errors.Is(err, ErrLost) {
			err = errors.Join(err, c.q.blobs.Delete(ctx, out))
		}
		return err
	}
	if err := c.discardInput(ctx, j); err != nil {
		c.q.log.WarnContext(ctx, "input of a finished job is kept until its TTL", "job",
			j.ID, "err", err)
	}
	return nil
}

// storeOutput keeps the result before the queue is told that there is one.
func (c *Consumer) storeOutput(
	ctx context.Context, j Claimed, image []byte, result string,
) (ref string, err error) {
	defer c.q.timed(storesImage)()
	if c.q.durable != nil {
		return c.q.finishDurably(ctx, j, image, result)
	}
	ref = c.q.blobs.newRef(j.ID, "out."+j.owner)
	return ref, c.q.blobs.Put(ctx, ref, image, j.ttl)
}

func (c *Consumer) discardInput(ctx context.Context, j Claimed) error {
	if j.keepInput {
		return c.q.blobs.Touch(ctx, j.input, j.ttl)
	}
	return c.q.blobs.Delete(ctx, j.input)
}

// Fault is why an attempt came to no result.
type Fault struct {
	Code      string // for machines; shown to the submitter, as Message is
	Message   string
	Transient bool // another attempt may succeed
	// the image may have ended the process that worked on it: it is tried again
	// apart from others like it
	Suspect bool
}

// Fail ends an attempt. A transient fault is retried after a delay while attempts are left; state
// says what became of the job.
func (c *Consumer) Fail(ctx context.Context, j Claimed, f Fault) (state State, err error) {
	defer c.q.durable.lock(j.ID)()
	cmd := c.q.eval(ctx, c.q.lua.fail, j.ID, j.owner, f.Code, f.Message, flag(f.Transient),
		c.q.backoff(j.Attempt).Milliseconds(),
		flag(f.Suspect))
	answer, err := settle(cmd)
	if err != nil {
		return "", err
	}
	state = State(answer)
	if c.q.durable != nil {
		if err := c.q.failedDurably(ctx, j.ID, state); err != nil {
			c.q.log.WarnContext(ctx,
				"the end of an attempt is not on disk: after a restart the job runs again", "job",
				j.ID, "err", err)
		}
	}
	if state == Failed {
		if err := c.q.blobs.Touch(ctx, j.input, c.q.cfg.DeadTTL); err != nil && !errors.Is(err,
			ErrNotFound) {
			c.q.log.WarnContext(ctx, "input of a failed job keeps its old TTL", "job",
				j.ID, "err", err)
		}
	}
	return state, nil
}

// Release gives a job back, unharmed and with its attempt not counted, for another to run.
func (c *Consumer) Release(ctx context.Context, j Claimed) error { return c.Postpone(ctx, j, 0) }

// Postpone gives a job back that others could not run now either. It comes back after a delay, and
// those behind it go first.
func (c *Consumer) Postpone(ctx context.Context, j Claimed, delay time.Duration) error {
	defer c.q.durable.lock(j.ID)()
	_, err := settle(c.q.eval(ctx, c.q.lua.release, j.ID, j.owner, delay.Milliseconds()))
	if err == nil && c.q.durable != nil {
		err = storage(c.q.durable.spool.Undo(j.ID))
	}
	return err
}

// settle reads the answer of a script that only a job's owner may run.
func settle(cmd *redis.Cmd) (answer string, err error) {
	answer, err = cmd.Text()
	if err != nil {
		return "", unavailable("settle job", err)
	}
	if answer == "LOST" {
		return "", ErrLost
	}
	return answer, nil
}

// backoff returns the delay after an attempt: min(base·2^(attempt−1), max), plus up to a fifth.
// Without that, jobs that failed together would come back together.
func (q *Queue) backoff(attempt int) time.Duration {
	d := q.cfg.BackoffMax
	if shift := attempt - 1; shift < 30 {
		d = min(d, q.cfg.BackoffBase<<max(shift, 0))
	}
	return d + rand.N(d/5+1)
}
