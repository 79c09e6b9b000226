// Package intake takes pictures in as jobs, waits for them and hands results out, for every face of
// the API.
//
// It knows no face and no HTTP server. Whose request it is, the context says: see apikey. It
// imports queue, fault, apikey, egress, telemetry and values of imaging.
package intake

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"bgremove/apikey"
	"bgremove/egress"
	"bgremove/fault"
	"bgremove/imaging/picture"
	"bgremove/queue"
)

// Jobs is the submitting side of the queue. *queue.Queue is one.
type Jobs interface {
	Submitter
	Reader
	Budgets
	Changer
}

// Submitter takes jobs in.
type Submitter interface {
	Room(ctx context.Context) error
	MaxTTL() time.Duration
	Repeated(ctx context.Context, r queue.Request) (id string, err error)
	Enqueue(ctx context.Context, r queue.Request) (id string, err error)
}

// Reader tells of jobs and of the queue.
type Reader interface {
	Job(ctx context.Context, id string) (queue.Job, error)
	Watch(id string, toEnd bool) (changed <-chan struct{}, stop func())
	List(ctx context.Context, f queue.Filter, n int, before int64) ([]queue.Job, int64, error)
	Pending(ctx context.Context, limit int) ([]string, error)
	Input(ctx context.Context, j queue.Job) ([]byte, error)
	Output(ctx context.Context, j queue.Job) ([]byte, error)
	Stats(ctx context.Context) (queue.Stats, error)
	Rate(ctx context.Context) (float64, error)
	MaxDepth() int
}

// Changer ends jobs and begins them anew.
type Changer interface {
	Cancel(ctx context.Context, id string) error
	Requeue(ctx context.Context, id string) error
	Delete(ctx context.Context, id string) error
}

// queueTimeout bounds what one request asks of the queue, so that none hangs on one that does not
// answer.
const queueTimeout = 30 * time.Second

// Config says what counts for every request. See proxy.Config, which has the same.
type Config struct {
	KeepInput, Cache, CacheAcrossKeys bool
	MaxWaiting                        int
}

// Parts are what an Intake works with.
type Parts struct {
	Jobs      Jobs
	Limits    picture.Limits
	Version   string          // of what cuts: results of another are not taken from the cache
	Pictures  Outside         // for image_url; nil where that is switched off
	Callbacks Outside         // for callback_url; nil where that is switched off
	Draining  <-chan struct{} // closed when the process is to stop: nobody waits for a job any more

	// Reserve takes bytes of what all requests may hold for the one that ctx is of, until it
	// ends or Release is called.
	Reserve func(ctx context.Context, bytes int64) error
	Release func(ctx context.Context)
}

// Intake is safe for concurrent use. Its errors are those that Fault knows.
type Intake struct {
	Parts
	cfg     Config
	fetches chan struct{}
	waiting atomic.Int64 // requests that wait for a job
}

// New returns an Intake.
func New(cfg Config, p Parts) *Intake {
	return &Intake{Parts: p, cfg: cfg, fetches: make(chan struct{}, maxFetches)}
}

// bounded returns the context for a request's calls of the queue. It is made once the body is read:
// a slow upload takes none of it.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, queueTimeout)
}

// faults says how errors are answered that are no fault.Error.
var faults = []fault.Row{
	{Is: picture.ErrUnsupported, Code: "unsupported_format"},
	{Is: picture.ErrCorrupt, Code: "corrupt_image"},
	{Is: picture.ErrTooLarge, Code: "too_large"},
	{Is: picture.ErrOption, Code: "bad_option"},
	{Is: egress.ErrURL, Code: "bad_url"},
	{Is: egress.ErrForbidden, Code: "bad_url"},
	{Is: egress.ErrFetch, Code: "fetch_failed"},
	{Is: egress.ErrTooLarge, Code: "too_large"},
	{Is: queue.ErrConflict, Code: "idempotency_conflict"},
	{Is: queue.ErrWrongState, Code: "wrong_state"},
	{Is: queue.ErrInputExpired, Code: "input_expired"},
	{Is: queue.ErrOptions, Code: "too_large"},
	{Is: queue.ErrFull, Code: "queue_full"},
	{Is: queue.ErrNoSpace, Code: "disk_full"},
	{Is: queue.ErrStorage, Code: "storage_failed"},
	{Is: queue.ErrUnavailable, Code: "queue_unavailable"},
	{
		Is: context.DeadlineExceeded, Code: "timeout",
		Text: "The queue did not answer in time", RetryAfter: 5 * time.Second,
	},
}

// Fault returns how an error is answered; false means that it is not known.
func Fault(err error) (fault.Error, bool) {
	f, ok := fault.Find(faults, err)
	var full *queue.FullError
	if errors.As(err, &full) {
		f.RetryAfter = full.RetryAfter
	}
	return f, ok
}

// owned is the filter of the jobs that a request may see: where keys are asked for, those of its
// own.
func owned(ctx context.Context) queue.Filter {
	key, ok := apikey.FromContext(ctx)
	return queue.Filter{Tenant: key.Name, All: !ok}
}
