package cmd

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"bgremove/apikey"
	"bgremove/batch"
	"bgremove/egress"
	"bgremove/httpserver"
	"bgremove/imaging"
	"bgremove/predict"
	"bgremove/proxy"
	"bgremove/proxy/v1"
	"bgremove/queue"
	"bgremove/webhook"
)

func newServeCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the service or one of its parts",
		Long: `Run the service or one of its parts until SIGTERM or SIGINT. Work in progress is then finished within a grace period,
what is left goes back to the queue, and the process exits with 0. A second signal ends it at once.`,
		Example: `  bgremove serve all
  bgremove serve proxy --queue-url redis://redis:6379 --proxy-addr :5000`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			return usageError{fmt.Errorf("serve needs a part: all, proxy, batch or predict, got %q", args)}
		},
	}
	addConfigFlags(cmd)
	for _, part := range []struct {
		use, short, example string
		run                 func(*service) error
	}{
		{
			"all", "Run everything in this process; without queue.url the queue too",
			"  bgremove serve all\n  bgremove serve all --proxy-addr :8080 --data-dir /var/lib/bgremove\n  bgremove serve all --ephemeral",
			(*service).all,
		},
		{
			"proxy", "Run the public HTTP API",
			"  bgremove serve proxy --proxy-addr :5000 --queue-url redis://redis:6379",
			(*service).proxyOnly,
		},
		{
			"batch", "Run the workers that take jobs to the predictor",
			"  bgremove serve batch --queue-url redis://redis:6379 --predict-url http://predict:5001",
			(*service).batchOnly,
		},
		{
			"predict", "Run the predictor",
			"  bgremove serve predict --predict-addr :5001 --predict-slots 4",
			(*service).predictOnly,
		},
	} {
		cmd.AddCommand(&cobra.Command{
			Use: part.use, Short: part.short, Example: part.example, Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd, part.run) },
		})
	}
	cmd.SetGlobalNormalizationFunc(shortFlags)
	return cmd
}

// shortFlags lets two settings of the embedded queue be named without their section.
func shortFlags(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	switch name {
	case "data-dir", "ephemeral":
		name = "queue-" + name
	}
	return pflag.NormalizedName(name)
}

// service is a process being put together: its parts are started back to front and stop front to back.
type service struct {
	ctx      context.Context // ends when the process is to stop: it was asked to, or a part failed
	cancel   context.CancelFunc
	cfg      Config
	log      *slog.Logger
	registry *prometheus.Registry
	group    *errgroup.Group // of what serves
	stops    []func(ctx context.Context) error
	ready    []string // the parts that serve, and where
	slots    int      // of the predictor; 0 without one
}

// serve loads the configuration, has build start the parts, waits for the end and stops them.
func serve(cmd *cobra.Command, build func(*service) error) error {
	settings, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	log := newLogger(settings.Config.Log, cmd.ErrOrStderr())
	queue.LogTo(log)
	s := &service{cfg: settings.Config, log: log, registry: prometheus.NewRegistry()}
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.ctx, s.cancel = context.WithCancel(cmd.Context())
	s.group, s.ctx = errgroup.WithContext(s.ctx)
	if err := s.observe(); err != nil {
		return errors.Join(err, s.stop())
	}
	if err := build(s); err != nil {
		return errors.Join(err, s.stop())
	}
	if s.slots > 0 { // and the parts have sized themselves by the cores
		defer tuneRuntime(s.slots)()
	}
	fmt.Fprintln(cmd.OutOrStdout(), "bgremove is ready: "+strings.Join(s.ready, ", "))
	<-s.ctx.Done()
	log.Info("stopping", "grace", s.cfg.Grace)
	return s.stop()
}

// onStop adds a step of the way down; the last added is the first taken.
func (s *service) onStop(step func(context.Context) error) { s.stops = append(s.stops, step) }

// stop takes the steps of the way down and returns their errors and those of the parts that failed by themselves. The proxy
// and batch drain at the same time; what serves batch goes after it, hence the seconds more.
func (s *service) stop() error {
	s.cancel()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), s.cfg.Grace+5*time.Second)
	defer cancel()
	var errs []error
	for i := len(s.stops) - 1; i >= 0; i-- {
		errs = append(errs, s.stops[i](ctx))
	}
	return errors.Join(append(errs, s.group.Wait())...)
}

// start takes a server's address, which the setting says, and serves; on the way down its running requests are waited for.
func (s *service) start(name, setting string, server *httpserver.Server) error {
	if err := server.Listen(); err != nil {
		return fmt.Errorf("%s: %w; another address goes into %s", name, err, setting)
	}
	s.group.Go(func() error {
		if err := server.Serve(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	s.onStop(func(ctx context.Context) error {
		if err := server.Shutdown(ctx); err != nil { // as announced: no failure of the process
			s.log.WarnContext(ctx, "broke requests off", "server", name, "err", err)
		}
		return nil
	})
	s.ready = append(s.ready, name+" on "+server.URL())
	return nil
}

func (s *service) all() error {
	if err := s.cfg.validateProxy(); err != nil {
		return err
	}
	q, err := s.queue()
	if err != nil {
		return err
	}
	p, err := s.predictor()
	if err != nil {
		return err
	}
	if err := s.batch(q, p); err != nil {
		return err
	}
	return s.proxy(q)
}

func (s *service) proxyOnly() error {
	if err := s.cfg.validateProxy(); err != nil {
		return err
	}
	q, err := s.externalQueue("proxy")
	if err != nil {
		return err
	}
	return s.proxy(q)
}

func (s *service) batchOnly() error {
	q, err := s.externalQueue("batch")
	if err != nil {
		return err
	}
	pool := predict.NewPool(s.cfg.Predict.URLs(), s.cfg.Predict.Timeout, s.log)
	s.onStop(func(context.Context) error { pool.Close(); return nil })
	if err := s.registry.Register(pool); err != nil {
		return err
	}
	if err := s.batch(q, pool); err != nil {
		return err
	}
	s.ready = append(s.ready, "batch to "+strings.Join(pool.Names(), " "))
	return s.watch(q, pool)
}

func (s *service) predictOnly() error {
	_, err := s.predictor()
	return err
}

// externalQueue refuses an embedded queue: no other process could reach it.
func (s *service) externalQueue(part string) (*queue.Queue, error) {
	if s.cfg.Queue.Embedded() {
		return nil, usageError{fmt.Errorf("serve %s needs queue.url (BGREMOVE_QUEUE_URL, --queue-url), the Redis that it shares "+
			"with the other parts; without one, use serve all", part)}
	}
	return s.queue()
}

func (s *service) queue() (*queue.Queue, error) {
	q, err := queue.Open(s.ctx, s.cfg.Queue, s.log)
	if err != nil {
		return nil, err
	}
	s.onStop(func(context.Context) error { return q.Close() }) //nolint:contextcheck // bounds its own work
	return q, s.registry.Register(q.Collector())
}

// predictor starts the predictor with its server.
func (s *service) predictor() (*predict.Predictor, error) {
	remover, err := imaging.New(s.cfg.Imaging)
	if err != nil {
		return nil, err
	}
	p, err := predict.New(remover, s.cfg.Predict, s.registry)
	if err != nil {
		return nil, err
	}
	s.slots = p.Slots()
	s.onStop(func(ctx context.Context) error {
		// No failure of the process: native code cannot be stopped, and the job has gone back to the queue by now.
		if err := p.Drain(ctx); err != nil {
			s.log.WarnContext(ctx, "left a prediction unfinished", "err", err)
		}
		return nil
	})
	about := predict.About{
		Version: versions()[0][1], Engine: remover.DefaultEngine(), Engines: remover.Engines(), Limits: remover.Limits(),
	}
	server, err := predict.NewServer(p, about, s.cfg.Predict, s.cfg.HTTP, s.log, s.registry)
	if err != nil {
		return nil, err
	}
	return p, s.start("predict", "predict.addr", server)
}

// batch starts the workers. On the way down they finish or give back what they run.
func (s *service) batch(q *queue.Queue, p batch.Predictor) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	consumer := q.Consumer(fmt.Sprintf("%s-%d", host, os.Getpid()))
	s.onStop(func(context.Context) error { return consumer.Close() })
	poller := batch.New(s.cfg.Batch, consumer, p, s.cfg.Grace, s.log, s.registry)
	done := make(chan struct{})
	go func() { poller.Run(s.ctx); close(done) }()
	s.onStop(func(ctx context.Context) error {
		select {
		case <-done:
			return nil
		default:
		}
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return errors.New("workers did not stop in time; their jobs go to others when their leases lapse")
		}
	})
	return nil
}

// watch serves the workers' metrics and health, where an address is configured for them.
func (s *service) watch(q *queue.Queue, p batch.Predictor) error {
	if s.cfg.Batch.Addr == "" {
		return nil
	}
	server, err := httpserver.New(s.cfg.HTTP, httpserver.Options{
		Addr: s.cfg.Batch.Addr, Subsystem: "batch", BodyLimit: 1,
		Checks: []httpserver.Check{{Name: "queue", Run: q.Check}, {Name: "predictor", Run: p.Healthy}},
		Logger: s.log, Registry: s.registry,
	})
	if err != nil {
		return err
	}
	return s.start("metrics", "batch.addr", server)
}

func (s *service) proxy(q *queue.Queue) error {
	parts := proxy.Parts{
		HTTP: s.cfg.HTTP, Limits: s.cfg.Imaging.Limits(), Jobs: q, Checks: []httpserver.Check{{Name: "queue", Run: q.Check}},
		Version: s.cut(), Logger: s.log, Registry: s.registry,
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
		return usageError{fmt.Errorf("proxy.tls_cert and proxy.tls_key: %w", err)}
	} else if err != nil {
		return err
	}
	if err := s.askForKeys(server); err != nil {
		return err
	}
	s.group.Go(func() error { trim(s.ctx); return nil })
	return s.start("proxy", "proxy.addr", server)
}

// cut tells results that another version or network may have made from those of this one. It assumes one of either in all parts; where
// this part does not have the network's files, their name has to do.
func (s *service) cut() string {
	network := sha256.New()
	if prior := s.cfg.Imaging.Prior; prior != "" {
		for _, path := range []string{prior, strings.TrimSuffix(prior, ".json") + ".f16"} {
			data, err := os.ReadFile(filepath.Clean(path))
			if err != nil {
				data = []byte(path)
			}
			network.Write(data)
		}
	}
	return fmt.Sprintf("%v %s %d %x", versions(), s.cfg.Imaging.Engine, s.cfg.Imaging.Looks, network.Sum(nil))
}

// deliver has callbacks made until the process is to stop.
func (s *service) deliver(q *queue.Queue, outside *egress.Client) error {
	d, err := webhook.New(s.cfg.Webhook, q.Hooks(), outside, v1.Message(q), s.log, s.registry)
	if err != nil {
		return err
	}
	done := make(chan struct{})
	go func() { d.Run(s.ctx); close(done) }()
	s.onStop(func(ctx context.Context) error {
		select {
		case <-done:
		case <-ctx.Done():
			s.log.WarnContext(ctx, "left a callback under way; it is made again")
		}
		return nil
	})
	return nil
}

// askForKeys has a server ask for API keys, where there is a file of them, and follows the file.
func (s *service) askForKeys(server *httpserver.Server) error {
	for _, warning := range s.cfg.Proxy.Warnings() {
		s.log.Warn("the public API may be open to strangers", "why", warning, "addr", s.cfg.Proxy.Addr)
	}
	if s.cfg.Proxy.APIKeysFile == "" {
		return nil
	}
	keys, err := apikey.Load(s.cfg.Proxy.APIKeysFile, s.log)
	if err != nil {
		return usageError{fmt.Errorf("proxy.api_keys_file: %w", err)}
	}
	s.group.Go(func() error { keys.Watch(s.ctx); return nil })
	server.Echo.Use(proxy.Authenticate(keys, s.cfg.Proxy.MetricsPublic))
	return nil
}
