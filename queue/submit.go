package queue

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// enqueueTimeout bounds storing an image and its job.
const enqueueTimeout = 30 * time.Second

// maxOptions bounds Request.Options: they lie in the job's hash, in the memory of the queue's server.
const maxOptions = 3 << 20

// ErrOptions says that the options of a job are too long.
var ErrOptions = errors.New("job options too large")

// Request is a job to be.
type Request struct {
	Image     []byte
	Options   string // opaque to the queue; at most 3 MiB; kept until the job has succeeded or was cancelled
	Priority  Priority
	KeepInput bool   // keep the input as long as the result; else it is deleted on success
	Callback  string // address to be told when the job has ended; empty: none
}

// Enqueue accepts a job and returns its id, 128 random bits in hex. Once it has returned without an error the job is in
// the queue: an embedded one has it on disk. ErrFull names the bound that was reached, ErrOptions the limit; ErrNoSpace and
// ErrStorage say that the image could not be kept. After any other error the job may or may not have been taken.
func (q *Queue) Enqueue(ctx context.Context, r Request) (string, error) {
	if len(r.Options) > maxOptions {
		return "", fmt.Errorf("%w: %d bytes, the limit is %d", ErrOptions, len(r.Options), maxOptions)
	}
	if err := q.checkDepth(ctx); err != nil {
		return "", err
	}
	// From here on the client's leaving changes nothing: an image must not be stored without a job.
	if err := ctx.Err(); err != nil {
		return "", err
	}
	ctx, cancel := detached(ctx, enqueueTimeout)
	defer cancel()
	if q.breaker.away.Load() { // before an image is stored for nothing
		return "", unavailable("enqueue", errAway)
	}
	id := newID()
	job := q.newJob(id, r)
	args := []any{id, int(r.Priority), len(r.Image) + len(r.Options), q.cfg.Deadline.Milliseconds(), q.cfg.MaxDepth, q.maxBytes()}
	for field, value := range job {
		args = append(args, field, value)
	}
	err := storage(q.storeInput(ctx, id, job, r.Image))
	if err != nil {
		q.discard(ctx, job["in"]) // it may be there all the same
	}
	switch {
	case errors.Is(err, ErrFull), errors.Is(err, ErrNoSpace): // says all that a client has to know
		return "", err
	case err != nil:
		return "", fmt.Errorf("store input image: %w", err)
	}
	answer, err := q.evalReplicated(ctx, q.lua.enqueue, args...).StringSlice()
	if err != nil {
		err = unavailable("enqueue", err)
		if errors.Is(err, errAway) || errors.Is(err, errMemory) {
			q.discard(ctx, job["in"])
		}
		return "", err // after any other error it is perhaps taken: the image stays until its TTL
	}
	if answer[0] == "OK" || answer[0] == "FULL" {
		q.lastDepth.Store(number(answer[1]))
	}
	switch answer[0] {
	case "OK", "EXISTS": // EXISTS: the client library asked again because the first answer was lost
		return id, nil
	}
	q.discard(ctx, job["in"])
	return "", q.full(answer[0], number(answer[1]))
}

// discard deletes an image that has no job.
func (q *Queue) discard(ctx context.Context, ref string) {
	if err := q.blobs.Delete(ctx, ref); err != nil {
		q.log.WarnContext(ctx, "delete a refused image", "image", ref, "err", err)
	}
}

// newJob is the hash of a job to be, but for its times.
func (q *Queue) newJob(id string, r Request) map[string]string {
	job := map[string]string{
		"state": string(Queued), "prio": strconv.Itoa(int(r.Priority)), "bytes": strconv.Itoa(len(r.Image)),
		"in": q.blobs.newRef(id, "in"), "options": r.Options, "keep": flag(r.KeepInput), "owner": "",
		"attempt": "0", "seq": "0", "max": strconv.Itoa(q.cfg.MaxAttempts), "patience": millis(q.cfg.Deadline),
		"rttl": millis(q.cfg.ResultTTL), "dttl": millis(q.cfg.DeadTTL), "gttl": millis(q.goneTTL()),
	}
	if r.Callback != "" {
		job["hook"] = r.Callback
	}
	return job
}

// goneTTL is how long the queue's server remembers of an expired job that there was one. An embedded one leaves that to the spool.
func (q *Queue) goneTTL() time.Duration {
	if q.durable != nil {
		return 0
	}
	return q.cfg.GoneTTL
}

// storeInput keeps a job's image before the queue knows the job.
func (q *Queue) storeInput(ctx context.Context, id string, job map[string]string, image []byte) error {
	if q.durable != nil {
		return q.durable.accept(id, job, q.cfg.Deadline, q.cfg.DeadTTL, image)
	}
	return q.blobs.Put(ctx, job["in"], bytes.NewReader(image), int64(len(image)), q.cfg.Deadline+q.cfg.DeadTTL)
}

// checkDepth has a full queue say no before an image is stored. The script decides; this saves the work where the last
// answer said that the queue is at least half full.
func (q *Queue) checkDepth(ctx context.Context) error {
	if q.lastDepth.Load() < int64(q.cfg.MaxDepth)/2 {
		return nil
	}
	pipe := q.redis.Pipeline()
	lens := q.pending(ctx, pipe)
	if _, err := pipe.Exec(ctx); err != nil {
		return unavailable("enqueue", err)
	}
	var depth int64
	for _, n := range lens {
		depth += n.Val()
	}
	q.lastDepth.Store(depth)
	if depth >= int64(q.cfg.MaxDepth) {
		return q.full("FULL", depth)
	}
	return nil
}

func (q *Queue) maxBytes() int64 { return int64(q.cfg.MaxMiB) << 20 }

// full says which bound was reached.
func (q *Queue) full(answer string, now int64) error {
	if answer == "FULL_BYTES" {
		return fmt.Errorf("%w: unfinished jobs hold %d MiB of images and options, the limit is %d MiB", ErrFull, now>>20, q.cfg.MaxMiB)
	}
	return fmt.Errorf("%w: %d jobs wait, the limit is %d", ErrFull, now, q.cfg.MaxDepth)
}

// Input returns the image that was submitted, ErrNotFound once it was deleted.
func (q *Queue) Input(ctx context.Context, j Job) ([]byte, error) { return q.read(ctx, j.Input) }

// Output returns the encoded cut-out of a succeeded job, ErrNotFound where there is none (any more).
func (q *Queue) Output(ctx context.Context, j Job) ([]byte, error) { return q.read(ctx, j.Output) }

func (q *Queue) read(ctx context.Context, ref string) (data []byte, err error) {
	if ref == "" {
		return nil, ErrNotFound
	}
	r, err := q.blobs.Open(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return io.ReadAll(r)
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func flag(on bool) string {
	if on {
		return "1"
	}
	return "0"
}
