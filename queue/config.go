package queue

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"bgremove/queue/store/s3"
)

// How the servers behind Config.URL are arranged, and where images are kept.
const (
	ModeSingle   = "single"
	ModeSentinel = "sentinel"
	ModeCluster  = "cluster"

	BlobsAuto  = "auto"
	BlobsRedis = "redis"
	BlobsFS    = "fs"
	BlobsS3    = "s3"
)

// Config says where the queue lives and what it holds at most. An empty URL means an embedded
// queue in this process.
type Config struct {
	URL         string `yaml:"url" secret:"url" help:"redis:// or rediss:// address of the queue; empty means embedded in this process"`
	Mode        string `yaml:"mode" help:"how to read url: single, sentinel (redis://sentinel:26379?master_name=NAME&addr=OTHER:26379) or cluster (redis://node:6379?addr=OTHER:6379)"`
	Name        string `yaml:"name" help:"name of the queue; several may share one Redis"`
	DataDir     string `yaml:"data_dir" help:"folder of an embedded queue's jobs, and of images when they are kept as files; empty means bgremove under the user's state folder"`
	Ephemeral   bool   `yaml:"ephemeral" help:"an embedded queue keeps nothing: its jobs and images end with the process"`
	Fsync       bool   `yaml:"fsync" help:"an embedded queue's jobs survive a power loss; without it they survive only the end of the process, and are accepted sooner"`
	DiskReserve int    `yaml:"disk_reserve_mib" help:"MiB of disk space that stay free in data_dir: with less, jobs are refused"`
	Blobs       string `yaml:"blobs" help:"where images are kept: redis, fs (files in data_dir, shared by all parts), s3 (an object store) or auto (redis); see docs/storage.md. An embedded queue keeps each with its job in data_dir"`

	S3Endpoint  string `yaml:"s3_endpoint" help:"server of the object store, as in https://s3.eu-central-1.amazonaws.com or http://minio:9000; with s3_bucket, images there can be read also while blobs says otherwise"`
	S3Bucket    string `yaml:"s3_bucket" help:"bucket for images; it must exist"`
	S3Region    string `yaml:"s3_region" help:"region of s3_bucket; empty means ask the server"`
	S3Prefix    string `yaml:"s3_prefix" help:"folder for images in s3_bucket, ends with /; two Redis servers must not share one: the first to sweep would delete the images of the other"`
	S3PathStyle string `yaml:"s3_path_style" help:"how requests name the bucket: path (host/bucket), virtual (bucket.host) or auto (virtual at Amazon, Google and Aliyun)"`
	S3AccessKey string `yaml:"s3_access_key" help:"access key id; empty means AWS_ACCESS_KEY_ID, ~/.aws/credentials, or the role of the machine, container or web identity"`
	S3SecretKey string `yaml:"s3_secret_key" secret:"value" help:"secret of s3_access_key; better given as a variable than as a flag, which other users of the machine can see"`

	Lease       time.Duration `yaml:"lease" help:"a running job whose worker is silent for this long goes to another worker"`
	Deadline    time.Duration `yaml:"deadline" help:"a job not started within this time expires"`
	ResultTTL   time.Duration `yaml:"result_ttl" help:"how long a finished job and its images are kept"`
	MaxTTL      time.Duration `yaml:"max_ttl" help:"longest time for which a request may have its result kept, with the option ttl; never less than result_ttl"`
	DeadTTL     time.Duration `yaml:"dead_ttl" help:"how long a failed or expired job and its input are kept for a retry"`
	GoneTTL     time.Duration `yaml:"gone_ttl" help:"how long it is remembered at least of a job that is not kept any more that there was one; 0s means not at all"`
	MaxDepth    int           `yaml:"max_depth" help:"jobs that may wait at the same time; one more is refused"`
	KeyShare    int           `yaml:"key_share" help:"percent of max_depth and of max_mib that the unfinished jobs of one API key may take"`
	MaxMiB      int           `yaml:"max_mib" help:"MiB of input images, masks and strokes that unfinished jobs may hold together; 0 means no limit"`
	MaxAttempts int           `yaml:"max_attempts" help:"how often a job is tried before it fails"`
	BackoffBase time.Duration `yaml:"backoff_base" help:"wait before the first retry; doubles with each further one"`
	BackoffMax  time.Duration `yaml:"backoff_max" help:"longest wait before a retry"`
	MinReplicas int           `yaml:"min_replicas" help:"replicas of an external Redis that must have a job before it is accepted; with 1 or more a fail-over loses no accepted job"`
}

// DefaultConfig returns an embedded queue with three attempts a job.
func DefaultConfig() Config {
	return Config{
		Mode:        ModeSingle,
		Name:        "default",
		Fsync:       true,
		DiskReserve: 512,
		Blobs:       BlobsAuto,
		S3Prefix:    "bgremove/",
		S3PathStyle: "auto",
		Lease:       30 * time.Second,
		Deadline:    24 * time.Hour,
		ResultTTL:   time.Hour,
		MaxTTL:      24 * time.Hour,
		DeadTTL:     24 * time.Hour,
		GoneTTL:     24 * time.Hour,
		MaxDepth:    10_000,
		KeyShare:    50,
		MaxMiB:      4096,
		MaxAttempts: 3,
		BackoffBase: time.Second,
		BackoffMax:  time.Minute,
	}
}

// Embedded reports whether the queue lives in this process.
func (c Config) Embedded() bool { return c.URL == "" }

func (c Config) reserve() int64 { return int64(c.DiskReserve) << 20 } // bytes

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
	case BlobsAuto, BlobsFS, BlobsS3:
	case BlobsRedis:
		fault(c.Embedded(),
			"blobs: redis needs queue.url; an embedded queue keeps its images in data_dir")
	default:
		fault(true, "blobs: must be auto, redis, fs or s3, is %q", c.Blobs)
	}
	if c.Blobs == BlobsS3 {
		fault(c.Embedded(),
			"blobs: s3 needs queue.url; the embedded queue keeps its images as files")
		fault(c.S3Bucket == "" && c.S3Endpoint == "",
			"blobs: s3 needs queue.s3_endpoint and queue.s3_bucket")
	}
	c.s3().Validate(fault)
	fault(!queueName.MatchString(c.Name),
		"name: must be 1 to 64 letters, digits, - or _, is %q", c.Name)
	fault(c.Lease < time.Second, "lease: must be at least 1s, is %v", c.Lease)
	fault(c.Deadline < time.Second, "deadline: must be at least 1s, is %v", c.Deadline)
	fault(c.ResultTTL < time.Second, "result_ttl: must be at least 1s, is %v", c.ResultTTL)
	fault(c.MaxTTL < time.Second, "max_ttl: must be at least 1s, is %v", c.MaxTTL)
	fault(c.DeadTTL < time.Second, "dead_ttl: must be at least 1s, is %v", c.DeadTTL)
	fault(c.GoneTTL < 0, "gone_ttl: must not be negative, is %v", c.GoneTTL)
	fault(c.DiskReserve < 0, "disk_reserve_mib: must not be negative, is %d", c.DiskReserve)
	fault(c.Ephemeral && !c.Embedded(), "ephemeral: is for an embedded queue, but queue.url is set")
	fault(c.MinReplicas < 0 || c.MinReplicas > 16, "min_replicas: must be 0 to 16, is %d",
		c.MinReplicas)
	fault(c.MinReplicas > 0 && c.Embedded(), "min_replicas: is for Redis, but queue.url is not set")
	fault(c.MaxDepth < 1, "max_depth: must be at least 1, is %d", c.MaxDepth)
	fault(c.KeyShare < 1 || c.KeyShare > 100, "key_share: must be 1 to 100, is %d", c.KeyShare)
	fault(c.MaxMiB < 0, "max_mib: must not be negative, is %d", c.MaxMiB)
	fault(c.MaxAttempts < 1, "max_attempts: must be at least 1, is %d", c.MaxAttempts)
	fault(c.BackoffBase < time.Millisecond, "backoff_base: must be at least 1ms, is %v",
		c.BackoffBase)
	fault(c.BackoffMax < c.BackoffBase, "backoff_max: must be at least backoff_base (%v), is %v",
		c.BackoffBase, c.BackoffMax)
	return errors.Join(errs...)
}

func (c Config) s3() s3.Config {
	return s3.Config{
		Endpoint: c.S3Endpoint, Bucket: c.S3Bucket, Region: c.S3Region, Prefix: c.S3Prefix,
		PathStyle: c.S3PathStyle, AccessKey: c.S3AccessKey, SecretKey: c.S3SecretKey,
	}
}

// dataDir returns the configured folder, or bgremove's in the user's state folder (XDG Base
// Directory Specification).
func dataDir(cfg Config) (string, error) {
	if cfg.DataDir != "" {
		return filepath.Abs(cfg.DataDir)
	}
	if state := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "bgremove"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no home folder to put it in (%w): set it", err)
	}
	return filepath.Join(home, ".local", "state", "bgremove"), nil
}

var queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
