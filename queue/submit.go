package queue

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// enqueueTimeout bounds storing an image and its job.
const enqueueTimeout = 30 * time.Second

// How long the strings of a job may be: they lie in its hash, in the memory of the queue's server.
const (
	maxOptions = 9 << 20
	maxAbout   = 16 << 10
)

// What is wrong with a request by itself.
var (
	ErrOptions  = errors.New("job options too large")
	ErrConflict = errors.New("the idempotency key was used for another request")
	// no fault: its id is given
	ErrRepeated = errors.New("the idempotency key has made this job before")
)

// Request is a job to be.
type Request struct {
	Image []byte // not to be changed any more: an embedded queue hands it to the worker
	// opaque to the queue; at most 9 MiB; kept until the job has succeeded or was cancelled
	Options   string
	About     string // what Job.About gives back; at most 16 KiB
	Priority  Priority
	KeepInput bool          // keep the input as long as the result; else it is deleted on success
	ResultTTL time.Duration // how long the finished job is kept; 0 means Config.ResultTTL
	// whose it is: has a share of the queue, and its turn among others; empty for nobody's
	Tenant string
	Parent string // id of the job that it refines
	Trace  string // what Claimed.Trace gives back

	// a tenant's second request with it is no new job, while the first one's
	// is kept; empty for none
	IdempotencyKey string
	Fingerprint    string // of what a request with an idempotency key asks for, without spaces

	// Cache is equal for requests that come to the same result: one of them is worked on and the
	// others take its result over. Empty for one that shares with nobody.
	Cache    string
	Callback string // address to be told when the job has ended; empty: none
}

// Enqueue accepts a job and returns its id, 128 random bits in hex. Once it has returned without an
// error the job is in the queue: an embedded one has it on disk.
//
// Errors: ErrRepeated, with the id of the job that the idempotency key had made before; a
// *FullError names the bound that was reached, ErrOptions the limit; ErrConflict; ErrNoSpace
// and ErrStorage say that the image could not be kept. After any other error the job may or
// may not have been taken.
func (q *Queue) Enqueue(ctx context.Context, r Request) (string, error) {
	if len(r.Options) > maxOptions {
		return "", fmt.Errorf("%w: %d bytes, the limit is %d",
			ErrOptions, len(r.Options), maxOptions)
	}
	if len(r.About) > maxAbout {
		return "", fmt.Errorf("%w: the short ones have %d bytes together, the limit is %d",
			ErrOptions, len(r.About), maxAbout)
	}
	if id, err := q.Repeated(ctx, r); err != nil {
		return "", err
	} else if id != "" {
		return id, ErrRepeated
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
	out := q.reuse(ctx, id, r, job)
	err := storage(q.storeImages(ctx, id, job, r, out))
	if err != nil {
		q.discard(ctx, id, job) // it may be there all the same
	}
	switch {
	case errors.Is(err, ErrFull), errors.Is(err, ErrNoSpace): // says all that a client has to know
		return "", err
	case err != nil:
		return "", fmt.Errorf("store input image: %w", err)
	}
	return q.admit(ctx, id, job, r)
}

// admit has the queue's server take a job whose images are stored.
func (q *Queue) admit(
	ctx context.Context, id string, job map[string]string, r Request,
) (string, error) {
	args := []any{
		id, int(r.Priority), len(r.Image) + len(r.Options), q.cfg.Deadline.Milliseconds(),
		q.cfg.MaxDepth, q.maxBytes(), q.cfg.KeyShare,
		r.Tenant, job["idem"], r.Fingerprint, (q.cfg.Deadline + q.cfg.DeadTTL).Milliseconds(),
		flag(job["state"] == string(Succeeded)),
	}
	for field, value := range job {
		args = append(args, field, value)
	}
	answer, err := q.evalReplicated(ctx, q.lua.enqueue, args...).StringSlice()
	if err != nil {
		err = unavailable("enqueue", err)
		if errors.Is(err, errAway) || errors.Is(err, errMemory) {
			q.discard(ctx, id, job)
		}
		return "", err // after any other error it is perhaps taken: the image stays until its TTL
	}
	switch answer[0] {
	case "OK":
		if job["state"] == string(Queued) { // what was finished at once says nothing of the depth
			q.lastDepth.Store(number(answer[1]))
		}
		return id, nil
	case "EXISTS": // the client library asked again because the first answer was lost
		return id, nil
	case "FULL":
		q.lastDepth.Store(number(answer[1]))
	}
	q.discard(ctx, id, job)
	switch answer[0] {
	case "SAME": // the same request came twice at the same time
		return answer[1], ErrRepeated
	case "CONFLICT":
		return "", fmt.Errorf("%w: it made the job %s", ErrConflict, answer[1])
	}
	return "", q.full(ctx, answer[0], number(answer[1]))
}

// discard deletes the images of a job that there is not.
func (q *Queue) discard(ctx context.Context, id string, job map[string]string) {
	refs := []string{job["in"]}
	if job["out"] != "" {
		refs = append(refs, job["out"])
	}
	if err := errors.Join(q.durable.forget(id), q.blobs.Delete(ctx, refs...)); err != nil {
		q.log.WarnContext(ctx, "delete a refused image", "job", id, "err", err)
	}
}

// newJob returns the hash of a job to be, but for its times.
func (q *Queue) newJob(id string, r Request) map[string]string {
	ttl := q.cfg.ResultTTL
	if r.ResultTTL > 0 {
		ttl = r.ResultTTL
	}
	if r.Callback != "" { // or the job were gone before anybody is told of its end
		ttl = max(ttl, time.Minute)
	}
	job := map[string]string{
		"state": string(Queued), "prio": strconv.Itoa(int(r.Priority)),
		"bytes": strconv.Itoa(len(r.Image)),
		"in":    q.blobs.newRef(id, "in"), "keep": flag(r.KeepInput), "owner": "",
		"attempt": "0", "seq": "0", "max": strconv.Itoa(q.cfg.MaxAttempts),
		"patience": millis(q.cfg.Deadline),
		"rttl":     millis(ttl), "dttl": millis(q.cfg.DeadTTL), "gttl": millis(q.goneTTL()),
	}
	if q.durable != nil && len(r.Options) > inlineBytes {
		job["aside"] = strconv.Itoa(len(r.Options))
	} else {
		job["options"] = r.Options
	}
	for field, value := range map[string]string{
		"about": r.About, "tenant": r.Tenant, "parent": r.Parent, "trace": r.Trace,
		"cache": r.Cache,
		"hook":  r.Callback,
	} {
		if value != "" {
			job[field] = value
		}
	}
	if r.IdempotencyKey != "" {
		job["idem"], job["asks"], job["idemttl"] = r.idem(), r.Fingerprint,
			millis(q.cfg.Deadline+q.cfg.DeadTTL)
	}
	return job
}

// idem returns what a tenant's idempotency key is remembered by.
func (r Request) idem() string {
	sum := sha256.Sum256([]byte(r.Tenant + "\n" + r.IdempotencyKey))
	return hex.EncodeToString(sum[:16])
}

// Repeated returns the job that the idempotency key has made, as Enqueue would, and an empty id if
// there is none. ErrConflict.
func (q *Queue) Repeated(ctx context.Context, r Request) (id string, err error) {
	if r.IdempotencyKey == "" {
		return "", nil
	}
	id, asks, err := q.rememberedJob(ctx, r.idem())
	switch {
	case err != nil || id == "":
		return "", err
	case asks != r.Fingerprint:
		return "", fmt.Errorf("%w: it made the job %s", ErrConflict, id)
	}
	return id, nil
}

// goneTTL returns how long the queue's server remembers of an expired job that there was one. An
// embedded one leaves that to the spool.
func (q *Queue) goneTTL() time.Duration {
	if q.durable != nil {
		return 0
	}
	return q.cfg.GoneTTL
}

// storeImages keeps a job's images before the queue knows the job. out is the result of one that is
// finished already, else nil.
func (q *Queue) storeImages(
	ctx context.Context, id string, job map[string]string, r Request, out []byte,
) error {
	defer q.timed(storesImage)()
	if q.durable != nil {
		return q.durable.accept(id, job, q.cfg.Deadline, q.cfg.DeadTTL, r, out)
	}
	if out == nil {
		return q.blobs.Put(ctx, job["in"], r.Image, q.cfg.Deadline+q.cfg.DeadTTL)
	}
	ttl := duration(job["rttl"])
	if r.KeepInput {
		if err := q.blobs.Put(ctx, job["in"], r.Image, ttl); err != nil {
			return err
		}
	}
	return q.blobs.Put(ctx, job["out"], out, ttl)
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
