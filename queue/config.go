package queue

import (
	"errors"
	"fmt"
	"regexp"
	"time"
)

// How the servers behind Config.URL are arranged, and where images are kept.
const (
	ModeSingle   = "single"
	ModeSentinel = "sentinel"
	ModeCluster  = "cluster"

	BlobsAuto  = "auto"
	BlobsRedis = "redis"
	BlobsFS    = "fs"
)

// Config says where the queue lives and what it holds at most. An empty URL means an embedded queue in this process.
type Config struct {
	URL         string        `yaml:"url" secret:"url" help:"redis:// or rediss:// address of the queue; empty means embedded in this process"`
	Mode        string        `yaml:"mode" help:"how to read url: single, sentinel (redis://sentinel:26379?master_name=NAME&addr=OTHER:26379) or cluster (redis://node:6379?addr=OTHER:6379)"`
	Name        string        `yaml:"name" help:"name of the queue; several may share one Redis"`
	DataDir     string        `yaml:"data_dir" help:"folder for images when they are kept as files; empty means bgremove under the user's state folder"`
	Blobs       string        `yaml:"blobs" help:"where images are kept: redis, fs (files in data_dir, shared by all parts) or auto (fs when embedded, else redis)"`
	Lease       time.Duration `yaml:"lease" help:"a running job whose worker is silent for this long goes to another worker"`
	Deadline    time.Duration `yaml:"deadline" help:"a job not started within this time expires"`
	ResultTTL   time.Duration `yaml:"result_ttl" help:"how long a finished job and its images are kept"`
	DeadTTL     time.Duration `yaml:"dead_ttl" help:"how long a failed or expired job and its input are kept for a retry"`
	MaxDepth    int           `yaml:"max_depth" help:"jobs that may wait at the same time; one more is refused"`
	MaxMiB      int           `yaml:"max_mib" help:"MiB of input images, masks and strokes that unfinished jobs may hold together; 0 means no limit"`
	MaxAttempts int           `yaml:"max_attempts" help:"how often a job is tried before it fails"`
	BackoffBase time.Duration `yaml:"backoff_base" help:"wait before the first retry; doubles with each further one"`
	BackoffMax  time.Duration `yaml:"backoff_max" help:"longest wait before a retry"`
	MinReplicas int           `yaml:"min_replicas" help:"replicas of Redis that must have a job before it counts as accepted; with 1, a fail-over loses none"`
}

// DefaultConfig is an embedded queue with three attempts a job.
func DefaultConfig() Config {
	return Config{
		Mode:        ModeSingle,
		Name:        "default",
		Blobs:       BlobsAuto,
		Lease:       30 * time.Second,
		Deadline:    24 * time.Hour,
		ResultTTL:   time.Hour,
		DeadTTL:     24 * time.Hour,
		MaxDepth:    10_000,
		MaxMiB:      4096,
		MaxAttempts: 3,
		BackoffBase: time.Second,
		BackoffMax:  time.Minute,
	}
}

// Embedded says that the queue lives in this process.
func (c Config) Embedded() bool { return c.URL == "" }

// Validate joins every fault; each starts with the key it is about.
func (c Config) Validate() error {
	var errs []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	if !c.Embedded() {
		if _, err := c.dial(); err != nil {
			errs = append(errs, fmt.Errorf("url: %w", err))
		}
	}
	switch c.Mode {
	case ModeSingle, ModeSentinel, ModeCluster:
	default:
		fault(true, "mode: must be single, sentinel or cluster, is %q", c.Mode)
	}
	switch c.Blobs {
	case BlobsAuto, BlobsFS:
	case BlobsRedis:
		fault(c.Embedded(), "blobs: redis needs queue.url; the embedded queue keeps no images")
	default:
		fault(true, "blobs: must be auto, redis or fs, is %q", c.Blobs)
	}
	fault(!queueName.MatchString(c.Name), "name: must be 1 to 64 letters, digits, - or _, is %q", c.Name)
	fault(c.Lease < time.Second, "lease: must be at least 1s, is %v", c.Lease)
	fault(c.Deadline < time.Second, "deadline: must be at least 1s, is %v", c.Deadline)
	fault(c.ResultTTL < time.Second, "result_ttl: must be at least 1s, is %v", c.ResultTTL)
	fault(c.DeadTTL < time.Second, "dead_ttl: must be at least 1s, is %v", c.DeadTTL)
	fault(c.MaxDepth < 1, "max_depth: must be at least 1, is %d", c.MaxDepth)
	fault(c.MaxMiB < 0, "max_mib: must not be negative, is %d", c.MaxMiB)
	fault(c.MaxAttempts < 1, "max_attempts: must be at least 1, is %d", c.MaxAttempts)
	fault(c.MinReplicas < 0 || c.MinReplicas > 0 && c.Embedded(), "min_replicas: must be 0 or more, and 0 without queue.url, is %d", c.MinReplicas)
	fault(c.BackoffBase < time.Millisecond, "backoff_base: must be at least 1ms, is %v", c.BackoffBase)
	fault(c.BackoffMax < c.BackoffBase, "backoff_max: must be at least backoff_base (%v), is %v", c.BackoffBase, c.BackoffMax)
	return errors.Join(errs...)
}

var queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
