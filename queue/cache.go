package queue

import (
	"context"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

// rememberedJob returns the job that an idempotency key has made and what was asked for. The id is
// empty where there is none (any more).
func (q *Queue) rememberedJob(ctx context.Context, idem string) (id, asks string, err error) {
	text, err := q.redis.Get(ctx, q.prefix+":idem:"+idem).Result()
	if errors.Is(err, redis.Nil) {
		return "", "", nil
	} else if err != nil {
		return "", "", unavailable("look for the idempotency key", err)
	}
	id, asks, _ = strings.Cut(text, " ")
	if _, err := q.Job(ctx, id); errors.Is(err, ErrNotFound) {
		return "", "", nil
	} else if err != nil {
		return "", "", err
	}
	return id, asks, nil
}

// reuse makes a new job's hash that of one which is finished already, where there is a finished one
// that comes to the same, and returns the result; else nil. A cache that fails is none.
func (q *Queue) reuse(ctx context.Context, id string, r Request, job map[string]string) []byte {
	if r.Cache == "" {
		return nil
	}
	other, err := q.redis.Get(ctx, q.prefix+":cache:"+r.Cache).Result()
	if err != nil {
		return nil
	}
	j, err := q.Job(ctx, other)
	if err != nil || j.State != Succeeded {
		return nil
	}
	out, err := q.Output(ctx, j)
	if err != nil {
		return nil
	}
	job["state"], job["result"], job["like"] = string(Succeeded), j.Result, other
	job["out"] = q.blobs.newRef(id, "out")
	delete(job, "options")
	delete(job, "aside")
	return out
}

// CachedResult returns the result of the job that came to what j would, where there is one. False
// means that j is to be worked on.
func (c *Consumer) CachedResult(ctx context.Context, j Claimed) (
	image []byte, result string, ok bool,
) {
	if j.cachedBy == "" {
		return nil, "", false
	}
	other, err := c.q.Job(ctx, j.cachedBy)
	if err == nil && other.State == Succeeded {
		image, err = c.q.Output(ctx, other)
	}
	if err != nil || other.State != Succeeded { // gone by now: j does not have its result
		_ = c.q.redis.HDel(ctx, c.q.jobKey(j.ID), "like").Err()
		return nil, "", false
	}
	return image, other.Result, true
}
