package queue

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// How long a client is asked to stay away from a full queue.
const (
	shortestRetry = time.Second
	longestRetry  = 10 * time.Minute
	unknownRetry  = 30 * time.Second // nothing ended lately
)

// FullError is an ErrFull.
type FullError struct {
	text       string
	Share      bool          // there is room, but the tenant has its share of it
	RetryAfter time.Duration // at the present rate there will be room by then
}

func (e *FullError) Error() string { return ErrFull.Error() + ": " + e.text }
func (e *FullError) Unwrap() error { return ErrFull }

// full makes an error of what refuse() in lib_room.lua answers.
func (q *Queue) full(ctx context.Context, answer string, now int64) error {
	e := &FullError{RetryAfter: unknownRetry, Share: strings.HasPrefix(answer, "SHARE")}
	switch answer {
	case "FULL_BYTES":
		e.text = fmt.Sprintf(
			"unfinished jobs hold %d MiB of images and options, the limit is %d MiB",
			now>>20, q.cfg.MaxMiB)
	case "SHARE":
		e.text = fmt.Sprintf("this key has %d unfinished jobs, the limit is %d",
			now, max(1, q.cfg.MaxDepth*q.cfg.KeyShare/100))
	case "SHARE_BYTES":
		e.text = fmt.Sprintf("unfinished jobs of this key hold %d MiB, the limit is %d MiB",
			now>>20, q.cfg.MaxMiB*q.cfg.KeyShare/100)
	default:
		e.text = fmt.Sprintf("%d jobs wait, the limit is %d", now, q.cfg.MaxDepth)
	}
	if rate, err := q.Rate(ctx); err == nil && rate > 0 {
		wait := time.Duration(float64(max(q.lastDepth.Load(), 1)) / rate * float64(time.Second))
		e.RetryAfter = min(max(wait, shortestRetry), longestRetry)
	}
	return e
}

// Rate returns how many jobs a second came to an end in the last minute.
func (q *Queue) Rate(ctx context.Context) (float64, error) {
	pipe := q.redis.Pipeline()
	ended, clock := pipe.HGetAll(ctx, q.prefix+":rate"), pipe.Time(ctx)
	if _, err := pipe.Exec(ctx); err != nil {
		return 0, unavailable("read the rate", err)
	}
	return rateOf(ended.Val(), clock.Val()), nil
}

// rateOf reads what lib_finish.lua counts by spans of ten seconds, "<span>:<jobs>".
func rateOf(spans map[string]string, now time.Time) float64 {
	const length = 10 * time.Second
	current := now.UnixMilli() / length.Milliseconds()
	jobs, oldest := int64(0), current
	for _, text := range spans {
		span, n, _ := strings.Cut(text, ":")
		if s := number(span); s <= current && s > current-7 {
			jobs += number(n)
			oldest = min(oldest, s)
		}
	}
	since := now.Sub(time.UnixMilli(oldest * length.Milliseconds()))
	return float64(jobs) / max(since, time.Second).Seconds()
}

// checkDepth has a full queue say no before an image is stored. The script decides; this saves the
// work where the last answer said that the queue is at least half full.
func (q *Queue) checkDepth(ctx context.Context) error {
	if q.lastDepth.Load() < int64(q.cfg.MaxDepth)/2 {
		return nil
	}
	pipe := q.redis.Pipeline()
	lens := q.pending(ctx, pipe)
	if _, err := pipe.Exec(ctx); err != nil {
		return unavailable("enqueue", err)
	}
	depth := lens.depth()
	q.lastDepth.Store(depth)
	if depth >= int64(q.cfg.MaxDepth) {
		// as refuse() counts; the refusal is what matters
		_ = q.redis.HIncrBy(ctx, q.prefix+":stats", "rejected", 1).Err()
		return q.full(ctx, "FULL", depth)
	}
	return nil
}

func (q *Queue) maxBytes() int64 { return int64(q.cfg.MaxMiB) << 20 }

// pending are the lengths of the lists that max_depth bounds together.
type pending struct {
	lists  [3]*redis.IntCmd // by priority
	behind [3]*redis.IntCmd // jobs of tenants whose turn has not come
	due    *redis.IntCmd    // retries
}

func (q *Queue) pending(ctx context.Context, pipe redis.Pipeliner) (p pending) {
	for i := range p.lists {
		p.lists[i] = pipe.LLen(ctx, q.listKey(Priority(i)))
		p.behind[i] = pipe.LLen(ctx, fmt.Sprintf("%s:late:%d", q.prefix, i))
	}
	p.due = pipe.ZCard(ctx, q.prefix+":delayed")
	return p
}

func (p pending) depth() int64 {
	sum := p.due.Val()
	for i, l := range p.lists {
		sum += l.Val() + p.behind[i].Val()
	}
	return sum
}
