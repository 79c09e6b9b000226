package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/redis/go-redis/v9"
)

const (
	s3SweepEvery = 10 * time.Minute // one round by one of the queue's processes
	s3SweepRound = s3SweepEvery / 2 // bounds a round; the next goes on where it ended
	s3SweepChunk = 500              // images looked up together
	// s3Young protects images whose job is about to come. Clocks may differ: S3 itself refuses requests that are off by
	// 15 minutes.
	s3Young = time.Hour
)

// sweepS3Every deletes the images of jobs that are gone until ctx ends. A job's hash has the TTLs, so its images follow
// it; so do results that a worker stored before it died.
func (q *Queue) sweepS3Every(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := q.sweepS3InTurn(ctx, time.Now()); err != nil && ctx.Err() == nil {
				q.log.WarnContext(ctx, "sweep images of jobs that are gone", "err", err)
			}
		}
	}
}

// sweepS3InTurn sweeps unless one of the queue's processes began to within s3SweepEvery. The lock is left to lapse: that
// paces the rounds, and a round is shorter, so that there are never two.
func (q *Queue) sweepS3InTurn(ctx context.Context, now time.Time) error {
	err := q.redis.SetArgs(ctx, q.prefix+":sweep", newID(), redis.SetArgs{Mode: "NX", TTL: s3SweepEvery}).Err()
	if errors.Is(err, redis.Nil) {
		return nil
	} else if err != nil {
		return unavailable("take the sweep's turn", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s3SweepRound)
	defer cancel()
	var errs []error
	for _, home := range q.blobs.s3.homes {
		errs = append(errs, q.sweepS3(ctx, home, now.Add(-s3Young)))
	}
	return errors.Join(errs...)
}

// sweepS3 deletes from home what was stored before a time and has no job. It goes on where the last round stopped, which
// the hash T:swept says, and notes where it stops itself.
func (q *Queue) sweepS3(ctx context.Context, home string, before time.Time) error {
	if err := q.ownS3(ctx, home); err != nil {
		return err
	}
	swept := q.prefix + ":swept"
	after, err := q.redis.HGet(ctx, swept, home).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return unavailable("sweep", err)
	}
	bucket, prefix, _ := strings.Cut(home, "/")
	ctx, stop := context.WithCancel(ctx) // ends the listing
	defer stop()
	var ids, refs []string
	for o := range q.blobs.s3.client.ListObjectsIter(ctx, bucket, minio.ListObjectsOptions{Prefix: prefix, StartAfter: after, Recursive: true}) {
		if o.Err != nil {
			return q.blobs.s3.fault("list images", bucket, o.Err)
		}
		m := s3ImageName.FindStringSubmatch(strings.TrimPrefix(o.Key, prefix))
		if m == nil || !o.LastModified.Before(before) {
			continue
		}
		ids, refs = append(ids, m[1]), append(refs, bucket+"/"+o.Key)
		if len(refs) < s3SweepChunk {
			continue
		}
		if err := q.deleteOrphans(ctx, ids, refs); err != nil {
			return err
		}
		if err := q.redis.HSet(ctx, swept, home, o.Key).Err(); err != nil {
			return unavailable("sweep", err)
		}
		ids, refs = nil, nil
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("bucket %q: round ended early, the next goes on: %w", bucket, err)
	}
	if err := q.deleteOrphans(ctx, ids, refs); err != nil {
		return err
	}
	return unavailable("sweep", q.redis.HDel(ctx, swept, home).Err())
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
