package predict

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"bgremove/imaging"
	"bgremove/imaging/option"
)

// poolPace is how often a Pool asks its members for their health.
type poolPace struct {
	down, up time.Duration // between two questions to a member that is down, and to one that is up
	answer   time.Duration // what an answer may take
	abandon  time.Duration // silent for this long, a member loses the images that it holds
}

func defaultPace() poolPace {
	return poolPace{
		down: 500 * time.Millisecond, up: 3 * time.Second,
		answer: 5 * time.Second, abandon: 30 * time.Second,
	}
}

// Pool predicts on the servers of a list: each image goes to the one with the fewest images under
// way, among those that are up. A member is down from a fault of its own until it answers a
// question for its health. It is safe for concurrent use, and a prometheus.Collector of its
// members' state. Its owner closes it.
type Pool struct {
	members []*member
	pace    poolPace
	log     *slog.Logger

	mu   sync.Mutex // guards what changes of the members
	next int        // member at which the next search for the least busy begins

	stop    context.CancelFunc
	asking  sync.WaitGroup
	numbers *prometheus.Desc
	flying  *prometheus.Desc
}

// member is one server. What is below the line changes.
type member struct {
	name   string // its address without a password
	client *Client
	hurry  chan struct{} // asks for its health at once; holds one

	down     error // why it gets no images; nil while it is up
	faults   int   // so far: an answer to a question from before the last one says nothing
	inFlight int
	answered time.Time // when it last was not silent
	//nolint:containedctx // of the images that it holds; ends when it is given up
	alive  context.Context
	giveUp context.CancelFunc
}

var (
	errNotAsked = errors.New("has not answered yet")
	errSilent   = errors.New("does not answer questions for its health")
)

// NewPool returns a Pool of the servers at addresses, all different, that waits at most timeout for
// one answer. It begins to ask them for their health.
func NewPool(addresses []string, timeout time.Duration, log *slog.Logger) *Pool {
	return newPool(addresses, timeout, defaultPace(), log)
}

func newPool(addresses []string, timeout time.Duration, pace poolPace, log *slog.Logger) *Pool {
	ctx, stop := context.WithCancel(context.Background())
	p := &Pool{
		pace: pace, log: log, stop: stop,
		numbers: prometheus.NewDesc("bgremove_predictors",
			"Predictors that this process may send images to, by state: up or down.",
			[]string{"state"}, nil),
		flying: prometheus.NewDesc("bgremove_predictors_in_flight",
			"Images under way to a predictor or worked on there.",
			[]string{"predictor"}, nil),
	}
	for _, address := range addresses {
		name, err := memberName(address)
		if err != nil {
			name = "(no address)" // Config.Validate refuses it
		}
		m := &member{
			name: name, client: NewClient(address, timeout),
			hurry: make(chan struct{}, 1), down: errNotAsked, answered: time.Now(),
		}
		m.alive, m.giveUp = context.WithCancel(context.Background())
		p.members = append(p.members, m)
		p.asking.Go(func() { p.watch(ctx, m) })
	}
	return p
}

// Close ends the questions and closes idle connections. Predictions still under way end as broken.
func (p *Pool) Close() {
	p.stop()
	p.asking.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		m.giveUp()
		m.client.Close()
	}
}

// Names are the members' addresses without passwords.
func (p *Pool) Names() []string {
	names := make([]string, len(p.members))
	for i, m := range p.members {
		names[i] = m.name
	}
	return names
}

// Predict is Client.Predict on the least busy member. The next one is tried while an image was not
// looked at (ErrUnavailable, ErrBusy); after that an error is the caller's to judge.
func (p *Pool) Predict(
	ctx context.Context, data []byte, opts option.Options,
) (imaging.Result, error) {
	tried := make(map[*member]bool, len(p.members))
	var refusal error
	for {
		m, alive := p.take(tried)
		if m == nil && refusal != nil {
			return imaging.Result{}, refusal
		}
		if m == nil {
			if err := p.absent(); err != nil {
				return imaging.Result{}, err
			}
			continue // one came up just now
		}
		tried[m] = true
		result, err := m.predict(ctx, alive, data, opts)
		p.give(m, err)
		switch {
		case ctx.Err() != nil:
			return result, err
		case errors.Is(err, ErrBusy):
			refusal = err
		case !errors.Is(err, ErrUnavailable):
			return result, err
		case refusal == nil:
			refusal = err
		}
	}
}

// predict ends as broken when the member is given up meanwhile.
func (m *member) predict(
	ctx, alive context.Context, data []byte, opts option.Options,
) (imaging.Result, error) {
	bounded, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(alive, cancel)()
	result, err := m.client.Predict(bounded, data, opts)
	if err != nil && alive.Err() != nil && ctx.Err() == nil {
		return result, fmt.Errorf("%w: %s was given up", ErrBroken, m.name)
	}
	return result, err
}

// take finds the member that is up, was not tried and has the fewest images in flight, those
// that are equal in turn.
func (p *Pool) take(tried map[*member]bool) (*member, context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var best *member
	at := 0
	for i := range p.members {
		k := (p.next + i) % len(p.members)
		if m := p.members[k]; m.down == nil && !tried[m] &&
			(best == nil || m.inFlight < best.inFlight) {
			best, at = m, k
		}
	}
	if best == nil {
		return nil, nil
	}
	p.next = at + 1
	best.inFlight++
	return best, best.alive
}

// give ends what take began. A member with a fault of its own is asked for its health before
// it gets another image.
func (p *Pool) give(m *member, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m.inFlight--
	if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrBroken) || errors.Is(err, ErrTimeout) {
		p.setDown(m, err)
		select {
		case m.hurry <- struct{}{}:
		default:
		}
	}
}

func (p *Pool) setDown(m *member, err error) {
	if m.down == nil {
		p.log.Warn("predictor is down", "predictor", m.name, "err", err)
	}
	m.down = err
	m.faults++
}

// Healthy returns nil while one member is up, else an ErrUnavailable that says of each why it is
// not. Where none is up they are asked once more.
func (p *Pool) Healthy(ctx context.Context) error {
	if p.absent() == nil {
		return nil
	}
	found := make(chan bool, len(p.members))
	for _, m := range p.members {
		p.asking.Go(func() { found <- p.ask(ctx, m) })
	}
	for range p.members {
		if <-found { // the others' answers are not waited for
			return nil
		}
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return p.absent()
}

// absent is nil while a member is up.
func (p *Pool) absent() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	reasons := make([]string, 0, len(p.members))
	for _, m := range p.members {
		if m.down == nil {
			return nil
		}
		reasons = append(reasons, fmt.Sprintf("%s: %v", m.name, m.down))
	}
	return fmt.Errorf("%w: %s", ErrUnavailable, strings.Join(reasons, "; "))
}

// watch asks a member for its health until ctx ends.
func (p *Pool) watch(ctx context.Context, m *member) {
	for ctx.Err() == nil {
		every := p.pace.down
		if p.ask(ctx, m) {
			every = p.pace.up
		}
		timer := time.NewTimer(every)
		select {
		case <-ctx.Done():
		case <-m.hurry:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// ask has the member's state follow its answer. It says whether the member is up.
func (p *Pool) ask(ctx context.Context, m *member) bool {
	p.mu.Lock()
	faults := m.faults
	p.mu.Unlock()
	bounded, cancel := context.WithTimeout(ctx, p.pace.answer)
	defer cancel()
	err := m.client.Healthy(bounded)
	if ctx.Err() != nil {
		return false // the asker has left
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	silent := errors.Is(err, context.DeadlineExceeded)
	// one that refuses or drains is no better, but the images that it holds end by themselves
	if !silent {
		m.answered = time.Now()
	}
	switch {
	case silent:
		p.setDown(m, errSilent)
		if time.Since(m.answered) > p.pace.abandon {
			m.giveUp()
			m.alive, m.giveUp = context.WithCancel(context.Background())
		}
	case err != nil:
		p.setDown(m, err)
	case faults == m.faults && m.down != nil:
		p.log.Info("predictor is up", "predictor", m.name)
		m.down = nil
	}
	return m.down == nil
}

// Describe and Collect make the Pool a prometheus.Collector.
func (p *Pool) Describe(ch chan<- *prometheus.Desc) { ch <- p.numbers; ch <- p.flying }

// Collect sends the members' numbers as they stand.
func (p *Pool) Collect(ch chan<- prometheus.Metric) {
	p.mu.Lock()
	defer p.mu.Unlock()
	up := 0
	for _, m := range p.members {
		if m.down == nil {
			up++
		}
		ch <- prometheus.MustNewConstMetric(p.flying, prometheus.GaugeValue,
			float64(m.inFlight), m.name)
	}
	ch <- prometheus.MustNewConstMetric(p.numbers, prometheus.GaugeValue, float64(up), "up")
	ch <- prometheus.MustNewConstMetric(p.numbers, prometheus.GaugeValue,
		float64(len(p.members)-up), "down")
}
