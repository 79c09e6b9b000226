// Package webhook tells the addresses that clients named (callback_url) of the end of their jobs,
// signed as Standard Webhooks (https://www.standardwebhooks.com) has it.
//
// What is to be delivered, and how it went so far, is in the queue: a delivery that a process takes
// and does not settle comes back after a lease. So each is made at least once, and a message may
// come twice, with the same webhook-id. The package knows values of queue and the errors of egress.
package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"bgremove/egress"
	"bgremove/queue"
)

// Deliveries is where deliveries come from. *queue.Hooks is one.
type Deliveries interface {
	Due(ctx context.Context, lease time.Duration) (queue.DueHook, error)
	Settle(ctx context.Context, d queue.Delivery, o queue.HookOutcome) (queue.HookState, error)
}

// Poster makes the requests. *egress.Client is one.
type Poster interface {
	Post(
		ctx context.Context, url string, header http.Header, body []byte,
	) (status int, answer http.Header, err error)
}

// Body makes the message about a job that has ended, as JSON. queue.ErrNotFound: the
// job is not kept any more.
type Body func(ctx context.Context, jobID string) ([]byte, error)

const (
	askEvery    = time.Second      // for what is due: so late a callback is at most
	settleTime  = 10 * time.Second // to say how a delivery went
	leaseMargin = 30 * time.Second // beyond Config.Timeout: to make a body, and to settle
)

// Deliverer delivers up to Config.Workers callbacks at a time.
type Deliverer struct {
	cfg        Config
	deliveries Deliveries
	poster     Poster
	body       Body
	signer     Signer
	log        *slog.Logger
	metrics    metrics
}

// New makes a deliverer. Errors: ErrSecret.
func New(
	cfg Config, deliveries Deliveries, poster Poster,
	body Body, log *slog.Logger, reg prometheus.Registerer,
) (*Deliverer, error) {
	signer, err := NewSigner(cfg.Secret)
	if err != nil {
		return nil, fmt.Errorf("webhook.secret: %w", err)
	}
	return &Deliverer{
		cfg: cfg, deliveries: deliveries, poster: poster, body: body, signer: signer, log: log,
		metrics: newMetrics(reg),
	}, nil
}

// Run delivers until ctx ends. It returns when nothing of it is left running: what is under way
// then has Config.Timeout and some seconds more.
func (d *Deliverer) Run(ctx context.Context) {
	var working sync.WaitGroup
	defer working.Wait()
	free := make(chan struct{}, d.cfg.Workers) // holds one for each that is at work
	var outage queue.Outage
	for {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return
		}
		due, err := d.due(ctx)
		outage.Note(ctx, d.log, "callbacks", err)
		if due.ID != "" {
			working.Go(func() {
				defer func() { <-free }()
				d.deliver(context.WithoutCancel(ctx), due.Delivery)
			})
			continue
		}
		<-free
		rest(ctx, due.Next)
	}
}

// due is not ended by the context that ends Run: a delivery in an answer that nobody waits for
// would be late by its lease.
func (d *Deliverer) due(ctx context.Context) (queue.DueHook, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	due, err := d.deliveries.Due(ctx, d.cfg.Timeout+leaseMargin)
	if err != nil {
		return queue.DueHook{Next: -1}, err
	}
	d.metrics.pending.Set(float64(due.Pending))
	return due, nil
}

// rest waits until the next falls due, but not for long: others come. A negative next is none.
func rest(ctx context.Context, next time.Duration) {
	wait := askEvery
	if next >= 0 {
		wait = min(wait, max(next, 5*time.Millisecond))
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	<-ctx.Done()
}

// deliver makes one attempt and settles it. What cannot be settled comes back
// when its lease lapses.
func (d *Deliverer) deliver(ctx context.Context, to queue.Delivery) {
	body, err := d.bodyOf(ctx, to)
	if errors.Is(err, queue.ErrNotFound) {
		return // and the queue drops the callback with its job
	} else if err != nil {
		d.log.WarnContext(ctx, "make the body of a callback", "job", to.ID, "err", err)
		return
	}
	start := time.Now()
	status, answer, err := d.post(ctx, to, body)
	outcome := d.judge(to, status, answer, err)
	outcome.At, outcome.Took = start, time.Since(start)
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	state, err := d.deliveries.Settle(ctx, to, outcome)
	if err != nil {
		d.log.WarnContext(ctx, "settle a callback; it is delivered again", "job", to.ID, "err", err)
		d.metrics.done("unsettled", outcome.Took)
		return
	}
	if state == queue.HookFailed {
		d.log.InfoContext(ctx, "gave a callback up", "job", to.ID, "attempt", to.Attempt, "status",
			status, "reason", outcome.Error)
	}
	d.metrics.done(string(state), outcome.Took)
}

func (d *Deliverer) bodyOf(ctx context.Context, to queue.Delivery) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	return d.body(ctx, to.ID)
}

func (d *Deliverer) post(
	ctx context.Context, to queue.Delivery, body []byte,
) (status int, answer http.Header, err error) {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Timeout)
	defer cancel()
	header := d.signer.Header(messageID(to), time.Now(), body)
	header.Set("Content-Type", "application/json")
	return d.poster.Post(ctx, to.URL, header, body)
}

// messageID is the same for every attempt to tell of one end of a job, and another where it ended
// again after a retry by hand.
func messageID(to queue.Delivery) string {
	id := "msg_" + to.ID
	if to.Round > 0 {
		id += "_" + strconv.Itoa(to.Round)
	}
	return id
}

// judge says what an attempt comes to, following Standard Webhooks: 2xx is success; 410 is the
// receiver's word that it wants no more; all else is tried again.
func (d *Deliverer) judge(
	to queue.Delivery, status int, answer http.Header, err error,
) queue.HookOutcome {
	o := queue.HookOutcome{State: queue.HookPending}
	o.Status = status
	if err != nil {
		o.Error = err.Error() // of egress: fit for who named the address
	}
	switch {
	case err == nil && status/100 == 2:
		o.State = queue.HookDelivered
	case status == http.StatusGone, errors.Is(err, egress.ErrURL),
		errors.Is(err, egress.ErrForbidden), to.Attempt >= d.cfg.MaxAttempts:
		o.State = queue.HookFailed
	default:
		o.Retry = min(max(d.backoff(to.Attempt), retryAfter(answer, time.Now())), d.cfg.BackoffMax)
		// so that those that failed together do not come back together
		o.Retry += rand.N(o.Retry/5 + 1)
	}
	return o
}

// backoff is the wait after an attempt, base·4^(attempt−1): near the schedule that
// Standard Webhooks recommend.
func (d *Deliverer) backoff(attempt int) time.Duration {
	wait := d.cfg.BackoffBase
	for range attempt - 1 {
		if wait >= d.cfg.BackoffMax {
			break
		}
		wait *= 4
	}
	return min(wait, d.cfg.BackoffMax)
}

// retryAfter reads how long a receiver asks to be left alone (RFC 9110, 10.2.3): seconds or a
// date; 0 where it does not.
func retryAfter(answer http.Header, now time.Time) time.Duration {
	text := answer.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(text); err == nil {
		return date.Sub(now)
	}
	return 0
}
