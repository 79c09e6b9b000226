package webhook

import (
	"errors"
	"fmt"
	"time"
)

// Config is that of callbacks. Without a secret there are none.
type Config struct {
	Secret      string        `yaml:"secret" secret:"value" help:"key that callbacks are signed with, whsec_ and 24 to 64 random bytes as base64; several with spaces between while one replaces another. Better given as a variable than as a flag"`
	Timeout     time.Duration `yaml:"timeout" help:"time that a receiver has to answer a callback"`
	MaxAttempts int           `yaml:"max_attempts" help:"how often a callback is tried before it is given up; it also is when its job is not kept any more (queue.result_ttl, queue.dead_ttl)"`
	BackoffBase time.Duration `yaml:"backoff_base" help:"wait before a callback's second attempt; four times as long before each further one"`
	BackoffMax  time.Duration `yaml:"backoff_max" help:"longest wait between two attempts, also where a receiver asks for a longer one"`
	Workers     int           `yaml:"workers" help:"callbacks under way at the same time"`
}

// DefaultConfig tries eight times in an hour and a half: at once, and after 5 s, 25 s, 2 min, 7
// min, 29 min, 1 h, 1.5 h. With the queue's default of an hour for results, that is seven times.
func DefaultConfig() Config {
	return Config{
		Timeout:     20 * time.Second,
		MaxAttempts: 8,
		BackoffBase: 5 * time.Second,
		BackoffMax:  30 * time.Minute,
		Workers:     16,
	}
}

// Validate joins every fault; each starts with the key it is about.
func (c Config) Validate() error {
	var errs []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	if c.Secret != "" {
		if _, err := NewSigner(c.Secret); err != nil {
			errs = append(errs, fmt.Errorf("secret: %w", err))
		}
	}
	fault(c.Timeout < time.Second, "timeout: must be at least 1s, is %v", c.Timeout)
	fault(c.MaxAttempts < 1 || c.MaxAttempts > 100, "max_attempts: must be 1 to 100, is %d",
		c.MaxAttempts)
	fault(c.BackoffBase < time.Millisecond, "backoff_base: must be at least 1ms, is %v",
		c.BackoffBase)
	fault(c.BackoffMax < c.BackoffBase, "backoff_max: must be at least backoff_base (%v), is %v",
		c.BackoffBase, c.BackoffMax)
	fault(c.Workers < 1 || c.Workers > 1024, "workers: must be 1 to 1024, is %d", c.Workers)
	return errors.Join(errs...)
}
