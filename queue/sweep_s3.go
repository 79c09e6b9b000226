package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	s3SweepEvery = 10 * time.Minute // one round by one of the queue's processes
	s3SweepRound = s3SweepEvery / 2 // bounds a round; the next goes on where it ended
	s3SweepChunk = 500              // images looked up together
	// s3Young protects images whose job is about to come. Clocks may differ: S3 itself refuses
	// requests that are off by 15 minutes.
	s3Young = time.Hour
)

var errNotOurs = errors.New("the images there are another queue's, or this queue's Redis has " +
	"lost its memory: none are deleted")

// sweepS3InTurn sweeps unless one of the queue's processes began to within s3SweepEvery. The lock
// is left to lapse: that paces the rounds, and a round is shorter, so that there are never two.
func (q *Queue) sweepS3InTurn(ctx context.Context, now time.Time) error {
	err := q.redis.SetArgs(ctx, q.prefix+":sweep", newID(),
		redis.SetArgs{Mode: "NX", TTL: s3SweepEvery}).Err()
	if errors.Is(err, redis.Nil) {
		return nil
	} else if err != nil {
		return unavailable("take the sweep's turn", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s3SweepRound)
	defer cancel()
	return q.sweepS3(ctx, now.Add(-s3Young))
}

// sweepS3 deletes what was stored before a time and has no job. It goes on where the last round
// stopped, which the hash T:swept says, and notes where it stops itself.
func (q *Queue) sweepS3(ctx context.Context, before time.Time) error {
	if err := q.ownS3(ctx); err != nil {
		return err
	}
	swept, home := q.prefix+":swept", q.blobs.s3.Home()
	after, err := q.redis.HGet(ctx, swept, home).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return unavailable("sweep", err)
	}
	var ids, refs []string
	for image, err := range q.blobs.s3.List(ctx, after) {
		switch {
		case err != nil && ctx.Err() != nil:
			return fmt.Errorf("round ended early, the next goes on: %w", err)
		case err != nil:
			return err
		case !image.Stored.Before(before):
			continue
		}
		ids, refs = append(ids, image.Job), append(refs, image.Ref)
		if len(refs) < s3SweepChunk {
			continue
		}
		if err := q.deleteOrphans(ctx, ids, refs); err != nil {
			return err
		}
		if err := q.redis.HSet(ctx, swept, home, image.Ref).Err(); err != nil {
			return unavailable("sweep", err)
		}
		ids, refs = nil, nil
	}
	if err := q.deleteOrphans(ctx, ids, refs); err != nil {
		return err
	}
	return unavailable("sweep", q.redis.HDel(ctx, swept, home).Err())
}

// ownS3 returns errNotOurs unless the images are this queue's. Those without an owner become its
// own.
//
// A sweep deletes the images whose job the queue's server does not know. A server that is not the
// images' own, or that lost its memory, knows none of them. So the queue has an id, and keeps it on
// the server as T:id and beside the images.
func (q *Queue) ownS3(ctx context.Context) error {
	id, err := q.identity(ctx)
	if err != nil {
		return err
	}
	owner, err := q.blobs.s3.Owner(ctx, id)
	if err != nil {
		return err
	}
	if owner != id {
		home := q.blobs.s3.Home()
		return fmt.Errorf("%s: %w; if that is wrong, delete the object %sOWNER",
			home, errNotOurs, home)
	}
	return nil
}

// identity returns the queue's id on its server, made by whoever asks first.
func (q *Queue) identity(ctx context.Context) (string, error) {
	key := q.prefix + ":id"
	if err := q.redis.SetNX(ctx, key, newID(), 0).Err(); err != nil {
		return "", unavailable("make the queue's id", err)
	}
	id, err := q.redis.Get(ctx, key).Result()
	return id, unavailable("read the queue's id", err)
}

// deleteOrphans deletes those images whose job is gone; ids are the jobs of refs.
func (q *Queue) deleteOrphans(ctx context.Context, ids, refs []string) error {
	if len(refs) == 0 {
		return nil
	}
	pipe := q.redis.Pipeline()
	jobs := make([]*redis.IntCmd, len(ids))
	for i, id := range ids {
		jobs[i] = pipe.Exists(ctx, q.jobKey(id))
	}
	if _, err := pipe.Exec(ctx); err != nil { // an unanswered question is no "gone"
		return unavailable("sweep", err)
	}
	var orphans []string
	for i, job := range jobs {
		if job.Val() == 0 {
			orphans = append(orphans, refs[i])
		}
	}
	return q.blobs.s3.Delete(ctx, orphans...)
}
