package predict

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"bgremove/imaging"
)

// misses is how often in a row a predictor does not answer before what it works on is given up: one that hangs, or that the network
// has swallowed, breaks no connection. More than one, as one under load may be late.
const misses = 3

// pace is how often a Pool asks its predictors for their health.
type pace struct{ up, down, patience time.Duration }

// errHung is why an image is taken away from a predictor that does not answer any more.
var errHung = errors.New("predictor does not answer")

var errNotAsked = errors.New("not asked yet")

// Pool predicts on one of several servers: on that of those that are up which has the fewest images of this pool's. It is safe for
// concurrent use. Its owner closes it.
type Pool struct {
	members []*member
	pace    pace
	stop    context.CancelFunc
	asking  sync.WaitGroup
	up      *prometheus.GaugeVec
	images  *prometheus.GaugeVec

	mu   sync.Mutex // of the members' fields below it
	next int        // where to look first among equals
}

type member struct {
	client *Client
	name   string        // its address, fit for people
	ask    chan struct{} // holds a token when its health is in doubt

	down   error // nil while it is up
	images int   // in flight
	missed int   // health questions without an answer, in a row
	work   context.Context
	abort  context.CancelCauseFunc // ends work
}

// NewPool returns a Pool of the servers at baseURLs. None is taken to be up before it said so. An image may take at most timeout.
func NewPool(baseURLs []string, timeout time.Duration, registry prometheus.Registerer) *Pool {
	return newPool(baseURLs, timeout, registry, pace{up: 5 * time.Second, down: 500 * time.Millisecond, patience: healthTimeout})
}

func newPool(baseURLs []string, timeout time.Duration, registry prometheus.Registerer, pace pace) *Pool {
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "bgremove", Subsystem: "batch", Name: name, Help: help}, []string{"predictor"})
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &Pool{
		pace:   pace,
		stop:   stop,
		up:     gauge("predictor_up", "1 while a predictor answers."),
		images: gauge("predictor_images", "Images that a predictor works on for this process."),
	}
	registry.MustRegister(p.up, p.images)
	for _, address := range baseURLs {
		m := &member{client: NewClient(address, timeout), name: address, ask: make(chan struct{}, 1), down: errNotAsked}
		m.ask <- struct{}{}
		if u, err := url.Parse(address); err == nil {
			m.name = u.Redacted()
		}
		m.work, m.abort = context.WithCancelCause(ctx)
		p.members = append(p.members, m)
		p.up.WithLabelValues(m.name).Set(0)
		p.asking.Go(func() { p.watch(ctx, m) })
	}
	return p
}

// Close ends the questions for health and closes idle connections.
func (p *Pool) Close() {
	p.stop()
	p.asking.Wait()
	for _, m := range p.members {
		m.abort(nil)
		m.client.Close()
	}
}

// Predict is Client.Predict on one of the servers. One that cannot be reached or is busy has not looked at the image: then the next
// is asked. ErrBroken stands also for a server that hung with the image.
func (p *Pool) Predict(ctx context.Context, data []byte, opts imaging.Options) (imaging.Result, error) {
	tried := map[*member]bool{}
	var last error
	for {
		m, work := p.take(tried)
		if m == nil {
			return imaging.Result{}, p.none(last)
		}
		result, err := predictOn(ctx, work, m.client, data, opts)
		p.give(m, err)
		if ctx.Err() != nil || !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrBusy) {
			return result, err
		}
		tried[m], last = true, err
	}
}

// predictOn ends with an ErrBroken when work does.
func predictOn(ctx, work context.Context, c *Client, data []byte, opts imaging.Options) (imaging.Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(work, func() { cancel(errHung) })()
	result, err := c.Predict(ctx, data, opts)
	if err != nil && errors.Is(context.Cause(ctx), errHung) {
		return imaging.Result{}, fmt.Errorf("%w: %w", ErrBroken, errHung)
	}
	return result, err
}

// take chooses a member that was not tried and counts an image for it; nil where there is none.
func (p *Pool) take(tried map[*member]bool) (*member, context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var best *member
	for i := range p.members {
		m := p.members[(p.next+i)%len(p.members)]
		if m.down == nil && !tried[m] && (best == nil || m.images < best.images) {
			best = m
		}
	}
	p.next++
	if best == nil {
		return nil, nil
	}
	best.images++
	p.images.WithLabelValues(best.name).Inc()
	return best, best.work
}

// give takes note of how an image came back.
func (p *Pool) give(m *member, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m.images--
	p.images.WithLabelValues(m.name).Dec()
	if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrBroken) || errors.Is(err, ErrTimeout) {
		p.setDown(m, err)
		select {
		case m.ask <- struct{}{}:
		default:
		}
	}
}

// none is the error when no member can be asked: that of the last that was, or why each is down.
func (p *Pool) none(last error) error {
	if last != nil {
		return last
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	err := ErrUnavailable
	for _, m := range p.members {
		if m.down != nil {
			err = fmt.Errorf("%w; %s: %w", err, m.name, m.down)
		}
	}
	return err
}

// Healthy asks those that are down, and is nil while one is up.
func (p *Pool) Healthy(ctx context.Context) error {
	var asked sync.WaitGroup
	for _, m := range p.members {
		if p.isDown(m) {
			asked.Go(func() { p.askHealth(ctx, m) })
		}
	}
	asked.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, m := range p.members {
		if !p.isDown(m) {
			return nil
		}
	}
	return p.none(nil)
}

func (p *Pool) isDown(m *member) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return m.down != nil
}

// watch asks a member for its health until ctx ends.
func (p *Pool) watch(ctx context.Context, m *member) {
	for {
		every := p.pace.up
		if p.isDown(m) {
			every = p.pace.down
		}
		t := time.NewTimer(every)
		select {
		case <-t.C:
		case <-m.ask:
		case <-ctx.Done():
			t.Stop()
			return
		}
		t.Stop()
		p.askHealth(ctx, m)
	}
}

func (p *Pool) askHealth(ctx context.Context, m *member) {
	bounded, cancel := context.WithTimeout(ctx, p.pace.patience)
	defer cancel()
	err := m.client.Healthy(bounded)
	if ctx.Err() != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.setUp(m)
		return
	}
	p.setDown(m, err)
	if m.missed++; m.missed == misses {
		m.abort(errHung)
		m.work, m.abort = context.WithCancelCause(context.WithoutCancel(m.work))
	}
}

func (p *Pool) setUp(m *member) {
	m.down, m.missed = nil, 0
	p.up.WithLabelValues(m.name).Set(1)
}

func (p *Pool) setDown(m *member, err error) {
	m.down = err
	p.up.WithLabelValues(m.name).Set(0)
}
