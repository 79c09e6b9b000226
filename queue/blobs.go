package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Blobs stores images under references. Stores for other places implement the same five methods.
type Blobs interface {
	// Put stores size bytes of r for ttl. A reader sees all of them or none.
	Put(ctx context.Context, ref string, r io.Reader, size int64, ttl time.Duration) error
	// Open returns ErrNotFound for what was never put, was deleted or has outlived its TTL.
	Open(ctx context.Context, ref string) (io.ReadCloser, error)
	// Delete is idempotent.
	Delete(ctx context.Context, refs ...string) error
	// Touch sets a new TTL, counted from now; ErrNotFound as for Open.
	Touch(ctx context.Context, ref string, ttl time.Duration) error
	// Check says whether the store works, for readiness.
	Check(ctx context.Context) error
}

// stores sends each reference to the store of its scheme ("redis:…", "fs:…"), so that the store for new images can be
// switched while jobs refer to the old one.
type stores struct {
	scheme string // of new references
	redis  Blobs  // nil when embedded
	fs     *fsBlobs
}

func (q *Queue) openBlobs() error {
	scheme := q.cfg.Blobs
	if scheme == BlobsAuto {
		scheme = BlobsRedis
		if q.cfg.Embedded() {
			scheme = BlobsFS
		}
	}
	q.blobs = stores{scheme: scheme}
	if !q.cfg.Embedded() {
		q.blobs.redis = redisBlobs{q.redis, q.cfg.MinReplicas}
	}
	if scheme == BlobsFS || q.cfg.DataDir != "" {
		fs, err := openFSBlobs(q.cfg)
		if err != nil {
			return fmt.Errorf("queue.data_dir: %w", err)
		}
		q.blobs.fs = fs
	}
	return nil
}

func (s stores) close() error {
	if s.fs != nil {
		return s.fs.close()
	}
	return nil
}

// newRef names an image of a job; kind tells the job's images apart.
func (s stores) newRef(id, kind string) string { return s.scheme + ":" + id + "." + kind }

func (s stores) of(ref string) (Blobs, string, error) {
	scheme, name, _ := strings.Cut(ref, ":")
	switch {
	case scheme == BlobsRedis && s.redis != nil:
		return s.redis, name, nil
	case scheme == BlobsFS && s.fs != nil:
		return s.fs, name, nil
	}
	return nil, "", fmt.Errorf("no %q store is configured here for image %s", scheme, ref)
}

func (s stores) Put(ctx context.Context, ref string, r io.Reader, size int64, ttl time.Duration) error {
	b, name, err := s.of(ref)
	if err != nil {
		return err
	}
	return b.Put(ctx, name, r, size, ttl)
}

func (s stores) Open(ctx context.Context, ref string) (io.ReadCloser, error) {
	b, name, err := s.of(ref)
	if err != nil {
		return nil, err
	}
	return b.Open(ctx, name)
}

func (s stores) Delete(ctx context.Context, refs ...string) error {
	var errs []error
	for _, ref := range refs {
		b, name, err := s.of(ref)
		if err == nil {
			err = b.Delete(ctx, name)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (s stores) Touch(ctx context.Context, ref string, ttl time.Duration) error {
	b, name, err := s.of(ref)
	if err != nil {
		return err
	}
	return b.Touch(ctx, name, ttl)
}

// Check asks the store of new images.
func (s stores) Check(ctx context.Context) error {
	if s.scheme == BlobsFS {
		return s.fs.Check(ctx)
	}
	return s.redis.Check(ctx)
}
