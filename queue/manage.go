package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// Job returns a job as it stands, ErrNotFound if there is none of that id (any more): ErrGone, for
// a while after it expired.
func (q *Queue) Job(ctx context.Context, id string) (Job, error) {
	values, err := q.redis.HMGet(ctx, q.jobKey(id), jobFields...).Result()
	if err != nil {
		return Job{}, unavailable("read job", err)
	}
	j, ok := jobOf(id, values)
	if ok {
		return j, nil
	}
	gone, err := q.gone(ctx, id)
	if err != nil {
		return Job{}, unavailable("read job", err)
	}
	if gone {
		return Job{}, ErrGone
	}
	return Job{}, ErrNotFound
}

// gone reports whether there was a job of this id. An embedded server does not know: it would copy
// and sort all these keys every second.
func (q *Queue) gone(ctx context.Context, id string) (bool, error) {
	if q.durable != nil {
		return q.durable.spool.Remembers(id), nil
	}
	longest := max(q.MaxTTL(), q.cfg.DeadTTL) + q.cfg.GoneTTL
	n, err := q.eval(ctx, q.lua.gone, id, int(longest/time.Hour)+1).Int()
	return n == 1, err
}

// Filter says which jobs are listed.
type Filter struct {
	Tenant string // its jobs; see All
	All    bool   // every tenant's
	State  State  // empty for any
}

// maxScan bounds how many jobs one List looks at.
const maxScan = 2000

// List returns the newest jobs that the filter wants, newest first, at most limit, of the 10 000
// newest that there are; those past their TTL are left out. before is 0 for the first page, for the
// next one what the last call gave back. next is 0 after the last page. A page may have fewer jobs
// than limit, though another comes.
func (q *Queue) List(
	ctx context.Context, f Filter, limit int, before int64,
) (jobs []Job, next int64, err error) {
	const chunk = 200 // jobs a round trip
	for scanned := 0; scanned < maxScan; {
		found, first, err := q.listChunk(ctx, before, min(chunk, maxScan-scanned))
		if err != nil {
			return nil, 0, err
		}
		if len(found) == 0 {
			return jobs, 0, nil
		}
		for i, j := range found {
			if j.State != "" && (f.All || j.Tenant == f.Tenant) &&
				(f.State == "" || j.State == f.State) {
				jobs = append(jobs, j)
			}
			before = first - int64(i)
			if before <= 1 {
				return jobs, 0, nil
			}
			if len(jobs) == limit {
				return jobs, before, nil
			}
		}
		scanned += len(found)
	}
	return jobs, before, nil
}

// listChunk reads n jobs before a number, and says which number the first has. Those that are there
// no more have no state.
func (q *Queue) listChunk(
	ctx context.Context, before int64, n int,
) (jobs []Job, first int64, err error) {
	answer, err := q.eval(ctx, q.lua.list, before, n).Slice()
	if err != nil {
		return nil, 0, unavailable("list jobs", err)
	}
	first, _ = answer[0].(int64)
	pipe := q.redis.Pipeline()
	hashes := make([]*redis.SliceCmd, len(answer)-1)
	for i := range hashes {
		id, _ := answer[i+1].(string)
		hashes[i] = pipe.HMGet(ctx, q.jobKey(id), jobFields...)
	}
	if len(hashes) == 0 {
		return nil, first, nil
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, 0, unavailable("list jobs", err)
	}
	for i, h := range hashes {
		id, _ := answer[i+1].(string)
		j, _ := jobOf(id, h.Val())
		jobs = append(jobs, j)
	}
	return jobs, first, nil
}

// Pending returns the ids of up to limit jobs that wait for a worker, in the order in
// which they are served.
func (q *Queue) Pending(ctx context.Context, limit int) ([]string, error) {
	var ids []string
	for p := Interactive; p <= Bulk && len(ids) < limit; p++ {
		more, err := q.redis.LRange(ctx, q.listKey(p), 0, int64(limit-len(ids)-1)).Result()
		if err != nil {
			return nil, unavailable("list queued jobs", err)
		}
		ids = append(ids, more...)
	}
	return ids, nil
}

// Cancel ends a job that is not terminal yet. A running one ends at once; its worker hears it at
// its next heartbeat. Its input is deleted. ErrWrongState: it is terminal already.
func (q *Queue) Cancel(ctx context.Context, id string) error {
	j, err := q.Job(ctx, id)
	if err != nil {
		return err
	}
	defer q.durable.lock(id)()
	answer, err := q.eval(ctx, q.lua.cancel, id).Text()
	switch {
	case err != nil:
		return unavailable("cancel", err)
	case answer == "NOT_FOUND":
		return ErrNotFound
	case answer != "OK":
		return fmt.Errorf("%w: cannot cancel a job that is %s", ErrWrongState, answer)
	}
	if q.durable != nil {
		if err := q.endDurably(ctx, id, Cancelled, j.ttl); err != nil {
			return fmt.Errorf("cancelled, but not on disk: %w", storage(err))
		}
	}
	return q.blobs.Delete(ctx, j.Input)
}

// Requeue gives a failed or expired job a fresh start. ErrInputExpired: its image is gone.
func (q *Queue) Requeue(ctx context.Context, id string) error {
	defer q.durable.lock(id)()
	j, err := q.Job(ctx, id)
	if err != nil {
		return err
	}
	if j.State != Failed && j.State != Expired { // before anything of it is touched
		return fmt.Errorf("%w: cannot requeue a job that is %s", ErrWrongState, j.State)
	}
	if j.Input == "" { // its file was damaged
		return ErrInputExpired
	}
	err = q.blobs.Touch(ctx, j.Input, q.cfg.Deadline+q.cfg.DeadTTL)
	if errors.Is(err, ErrNotFound) {
		return ErrInputExpired
	} else if err != nil {
		return fmt.Errorf("prolong input image: %w", err)
	}
	if q.durable != nil {
		if err := q.durable.spool.ForgetAttempts(id); err != nil {
			return storage(err)
		}
	}
	answer, err := q.eval(ctx, q.lua.requeue, id, q.cfg.MaxDepth, q.maxBytes(), newID(),
		q.cfg.KeyShare).StringSlice()
	if err != nil {
		return unavailable("requeue", err)
	}
	switch answer[0] {
	case "OK":
		if q.durable != nil {
			return storage(q.requeueDurably(ctx, id))
		}
		return nil
	case "NOT_FOUND":
		return ErrNotFound
	case "STATE":
		return fmt.Errorf("%w: cannot requeue a job that is %s", ErrWrongState, answer[1])
	}
	return q.full(ctx, answer[0], number(answer[1]))
}

// Delete forgets a job that has ended, with its images. ErrWrongState: it has not.
func (q *Queue) Delete(ctx context.Context, id string) error {
	j, err := q.Job(ctx, id)
	if err != nil {
		return err
	}
	answer, err := q.eval(ctx, q.lua.remove, id).Text()
	switch {
	case err != nil:
		return unavailable("delete", err)
	case answer != "OK" && answer != "NOT_FOUND": // which a repeated call is told
		return fmt.Errorf("%w: cannot delete a job that is %s", ErrWrongState, answer)
	}
	refs := slices.DeleteFunc([]string{j.Input, j.Output},
		func(ref string) bool { return ref == "" })
	if err := errors.Join(q.durable.forget(id), q.blobs.Delete(ctx, refs...)); err != nil {
		return fmt.Errorf("delete images: %w", storage(err))
	}
	return nil
}

// listKey names the list of jobs that wait with a priority.
func (q *Queue) listKey(p Priority) string { return fmt.Sprintf("%s:q:%d", q.prefix, p) }
