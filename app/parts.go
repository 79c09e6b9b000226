package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"bgremove/apikey"
	"bgremove/batch"
	"bgremove/egress"
	"bgremove/httpserver"
	"bgremove/imaging"
	"bgremove/predict"
	"bgremove/proxy"
	v1 "bgremove/proxy/v1"
	"bgremove/queue"
	"bgremove/webhook"
)

// wayTime is how much longer than the prediction a worker waits for the answer of a predictor
// elsewhere: the predictor says when one has taken too long, and whether it was begun.
const wayTime = time.Minute

// build puts a part together, back to front.
func (s *Service) build(part string) error {
	if !slices.Contains([]string{All, Proxy, Batch, Predict}, part) {
		return fmt.Errorf("there is no part %q", part)
	}
	hasProxy, hasWorkers := part == All || part == Proxy, part == All || part == Batch
	if err := s.observe(); err != nil {
		return err
	}
	if hasProxy {
		if err := s.cfg.ValidateProxy(); err != nil {
			return err
		}
	}
	var jobs *queue.Queue
	var engine batch.Predictor
	var err error
	if part != Predict {
		if jobs, err = s.queue(part); err != nil {
			return err
		}
	}
	switch part {
	case All, Predict:
		engine, err = s.predictor()
	case Batch:
		engine, err = s.predictors()
	}
	if err == nil && hasWorkers {
		err = s.workers(jobs, engine)
	}
	if err == nil && part == Batch {
		err = s.watchWorkers(jobs, engine)
	}
	if err == nil && hasProxy {
		err = s.proxy(jobs)
	}
	return err
}

// queue opens the queue. Only with all parts may it be an embedded one: no other process could
// reach it.
func (s *Service) queue(part string) (*queue.Queue, error) {
	if part != All && s.cfg.Queue.Embedded() {
		return nil, Usagef(
			"serve %s needs queue.url (BGREMOVE_QUEUE_URL, --queue-url), the Redis that it shares "+
				"with the other parts; without one, use serve all", part)
	}
	q, err := queue.Open(s.opening, s.cfg.Queue, s.log)
	if err != nil {
		return nil, err
	}
	//nolint:contextcheck // bounds its own work
	s.onStop(func(context.Context) error { return q.Close() })
	return q, s.registry.Register(q.Collector())
}

// predictor returns the one of this process, which has a server.
func (s *Service) predictor() (*predict.Predictor, error) {
	remover, err := imaging.New(s.cfg.Imaging)
	if err != nil {
		return nil, err
	}
	p, err := predict.New(remover, s.cfg.Predict, s.registry)
	if err != nil {
		return nil, err
	}
	s.slots, s.engines = p.Slots(), remover.Version()
	s.onStop(func(context.Context) error { return remover.Close() })
	s.onStop(func(ctx context.Context) error {
		// No failure of the process: native code cannot be stopped, and the job has gone
		// back to the queue by now.
		if err := p.Drain(ctx); err != nil {
			s.log.WarnContext(ctx, "left a prediction unfinished", "err", err)
		}
		return nil
	})
	about := predict.About{
		Version: s.program.Version, Engine: remover.DefaultEngine(), Engines: remover.Engines(),
		Limits: remover.Limits(),
	}
	server, err := predict.NewServer(p, about, s.cfg.Predict, s.cfg.HTTP, s.log, s.registry)
	if err != nil {
		return nil, err
	}
	return p, s.serve("predict", "predict.addr", server)
}

// predictors returns those of other processes.
func (s *Service) predictors() (*predict.Pool, error) {
	pool := predict.NewPool(s.cfg.Predict.URLs(), s.cfg.Predict.Timeout+wayTime, s.log)
	s.onStop(func(context.Context) error { pool.Close(); return nil })
	s.ready = append(s.ready, "batch to "+strings.Join(pool.Names(), " "))
	return pool, s.registry.Register(pool)
}

// workers adds those that take jobs to the predictor. On the way down they finish or
// give back what they run.
func (s *Service) workers(q *queue.Queue, p batch.Predictor) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	consumer := q.Consumer(fmt.Sprintf("%s-%d", host, os.Getpid()))
	s.onStop(func(context.Context) error { return consumer.Close() })
	poller := batch.New(s.cfg.Batch, consumer, p, s.cfg.Grace, s.log, s.registry)
	s.work(poller.Run, func(context.Context) error {
		return errors.New(
			"workers did not stop in time; their jobs go to others when their leases lapse")
	})
	return nil
}

// watchWorkers serves the workers' metrics and health, where an address is configured for them.
func (s *Service) watchWorkers(q *queue.Queue, p batch.Predictor) error {
	if s.cfg.Batch.Addr == "" {
		return nil
	}
	server, err := httpserver.New(s.cfg.HTTP, httpserver.Options{
		Addr: s.cfg.Batch.Addr, Subsystem: "batch", BodyLimit: 1,
		Checks: []httpserver.Check{
			{Name: "queue", Run: q.Check}, {Name: "predictor", Run: p.Healthy},
		},
		Logger: s.log, Registry: s.registry,
	})
	if err != nil {
		return err
	}
	return s.serve("metrics", "batch.addr", server)
}

func (s *Service) proxy(q *queue.Queue) error {
	parts := proxy.Parts{
		HTTP: s.cfg.HTTP, Limits: s.cfg.Imaging.Limits(),
		Jobs: q, Checks: []httpserver.Check{{Name: "queue", Run: q.Check}},
		Version: s.cacheVersion(), Logger: s.log, Registry: s.registry,
	}
	outside, err := egress.New(s.cfg.Egress, s.log)
	if err != nil {
		return err
	}
	if s.cfg.Egress.URLs {
		parts.Pictures = outside
	}
	if s.cfg.Egress.Callbacks {
		parts.Callback = outside
		if err := s.deliver(q, outside); err != nil {
			return err
		}
	}
	server, err := proxy.New(s.cfg.Proxy, parts)
	if errors.Is(err, httpserver.ErrCertificate) {
		return Usagef("proxy.tls_cert and proxy.tls_key: %w", err)
	} else if err != nil {
		return err
	}
	if err := s.askForKeys(server); err != nil {
		return err
	}
	s.work(trim, func(context.Context) error { return nil })
	s.work(trim, func(context.Context) error { return nil }) // it ends at once
	return s.serve("proxy", "proxy.addr", server)
}

// cacheVersion changes with all that may come to another result of the same picture and options. It
// assumes the same program and network in all parts. A part that cannot open its engines, for want
// of the network's files, has only the settings to go by.
func (s *Service) cacheVersion() string {
	if s.engines == "" {
		s.engines = fmt.Sprintf("%+v", s.cfg.Imaging)
		if remover, err := imaging.New(s.cfg.Imaging); err == nil {
			s.engines = remover.Version()
			_ = remover.Close() // it has cut nothing
		}
	}
	return s.program.Build + " " + s.engines
}

// deliver adds what makes callbacks.
func (s *Service) deliver(q *queue.Queue, outside *egress.Client) error {
	d, err := webhook.New(s.cfg.Webhook, q.Hooks(), outside, v1.Message(q), s.log, s.registry)
	if err != nil {
		return err
	}
	s.work(d.Run, func(ctx context.Context) error { // no failure of the process
		s.log.WarnContext(ctx, "left a callback under way; it is made again")
		return nil
	})
	return nil
}

// askForKeys has a server ask for API keys, where there is a file of them, and follows the file.
func (s *Service) askForKeys(server *httpserver.Server) error {
	for _, warning := range s.cfg.Proxy.Warnings() {
		s.log.Warn("the public API may be open to strangers", "why", warning, "addr",
			s.cfg.Proxy.Addr)
	}
	if s.cfg.Proxy.APIKeysFile == "" {
		return nil
	}
	keys, err := apikey.Load(s.cfg.Proxy.APIKeysFile, s.log)
	if err != nil {
		return Usagef("proxy.api_keys_file: %w", err)
	}
	s.work(keys.Watch, func(context.Context) error { return nil })
	server.Echo.Use(proxy.Authenticate(keys, s.cfg.Proxy.MetricsPublic))
	return nil
}
