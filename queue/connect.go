package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
)

// How long one command may take. Image-sized values need more than go-redis' three seconds on a
// slow link. Repeated once, a command to a server that neither answers nor refuses has failed after
// 20 s, in time for a request that is to be answered in 30.
const (
	dialTimeout    = 3 * time.Second
	commandTimeout = 10 * time.Second
	maxRetries     = 1
)

// detached returns a context that ends at the deadline of ctx, or after limit, but not with ctx
// before that.
func detached(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	end := time.Now().Add(limit)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(end) {
		end = deadline
	}
	return context.WithDeadline(context.WithoutCancel(ctx), end)
}

// LogTo sends what the Redis client library says of its connections to log, at debug level: what
// matters comes back as errors. The library has one logger a process, so this is for main to
// call, once, before Open.
func LogTo(log *slog.Logger) { redis.SetLogger(clientLog{log}) }

type clientLog struct{ log *slog.Logger }

func (l clientLog) Printf(ctx context.Context, format string, v ...any) {
	l.log.DebugContext(ctx, "redis client", "message", fmt.Sprintf(format, v...))
}

// connect sets up the way to the server, starting the embedded one if it is to be used.
func (q *Queue) connect() error {
	if q.cfg.Embedded() {
		q.server = startEmbedded()
		q.dial = q.server.client
	} else {
		dial, err := q.cfg.dial()
		if err != nil {
			return fmt.Errorf("queue.url: %w", err)
		}
		q.dial = dial
	}
	q.redis = q.dial()
	return nil
}

func (q *Queue) closeServer() error {
	err := q.redis.Close()
	if q.server != nil {
		q.server.close()
	}
	return err
}

// errURL stands for what is wrong with an address: the library's error may quote a password.
var errURL = errors.New("must be redis://[user:password@]host:port[/db] or rediss://… " +
	"(Sentinel and Cluster: see queue.mode)")

// dial returns a maker of clients for an external server.
func (c Config) dial() (func() redis.UniversalClient, error) {
	switch c.Mode {
	case ModeSentinel:
		o, err := redis.ParseFailoverURL(c.URL)
		if err != nil {
			return nil, errURL
		}
		if o.MasterName == "" {
			return nil, errors.New("sentinel mode needs ?master_name=NAME in the address")
		}
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.ContextTimeoutEnabled = dialTimeout,
			commandTimeout, commandTimeout, true
		o.MaxRetries = maxRetries
		return func() redis.UniversalClient { return redis.NewFailoverClient(o) }, nil
	case ModeCluster:
		o, err := redis.ParseClusterURL(c.URL)
		if err != nil {
			return nil, errURL
		}
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.ContextTimeoutEnabled = dialTimeout,
			commandTimeout, commandTimeout, true
		return func() redis.UniversalClient { return redis.NewClusterClient(o) }, nil
	default:
		o, err := redis.ParseURL(c.URL)
		if err != nil {
			return nil, errURL
		}
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.ContextTimeoutEnabled = dialTimeout,
			commandTimeout, commandTimeout, true
		o.MaxRetries = maxRetries
		return func() redis.UniversalClient { return redis.NewClient(o) }, nil
	}
}

// warnAboutEviction tells of a Redis that may throw jobs away when its memory is full. Servers
// without CONFIG (managed ones, stand-ins) say nothing, and nothing is said of them.
func (q *Queue) warnAboutEviction(ctx context.Context) {
	v, err := q.redis.ConfigGet(ctx, "maxmemory-policy").Result()
	if err != nil {
		return
	}
	if policy := v["maxmemory-policy"]; policy != "" && policy != "noeviction" {
		q.log.WarnContext(ctx,
			"redis may evict jobs when its memory is full: set maxmemory-policy to noeviction",
			"policy", policy)
	}
}
