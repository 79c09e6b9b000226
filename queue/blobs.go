package queue

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"bgremove/queue/store/fs"
	"bgremove/queue/store/s3"
)

// Blobs stores images under references. Stores for other places implement the same five methods.
type Blobs interface {
	// Put stores an image for ttl. A reader sees all of it or none.
	Put(ctx context.Context, ref string, image []byte, ttl time.Duration) error
	// Get returns ErrNotFound for what was never put, was deleted or has outlived its TTL. The
	// image is in a buffer of its size, and is not to be changed.
	Get(ctx context.Context, ref string) ([]byte, error)
	// Delete is idempotent.
	Delete(ctx context.Context, refs ...string) error
	// Touch sets a new TTL, counted from now; ErrNotFound as for Get.
	Touch(ctx context.Context, ref string, ttl time.Duration) error
	// Check reports why the store does not work, for readiness.
	Check(ctx context.Context) error
}

// stores sends each reference to the store of its scheme ("redis:…", "fs:…", "s3:…"), so that the
// store for new images can be switched while jobs refer to the old one.
type stores struct {
	scheme string // of new references
	all    map[string]Blobs
	fs     *fs.Store // nil unless it is one of all
	s3     *s3.Store // nil unless it is one of all
}

func (q *Queue) openBlobs() error {
	if q.cfg.Embedded() {
		d, err := openDurable(q)
		if err != nil {
			return fmt.Errorf("queue.data_dir: %w", err)
		}
		q.durable = d
		q.blobs = stores{
			scheme: spoolScheme, all: map[string]Blobs{spoolScheme: spoolImages{d.spool}},
		}
		return nil
	}
	scheme := q.cfg.Blobs
	if scheme == BlobsAuto {
		scheme = BlobsRedis
	}
	inRedis := redisBlobs{q.redis, q.cfg.MinReplicas}
	q.blobs = stores{scheme: scheme, all: map[string]Blobs{BlobsRedis: inRedis}}
	if scheme == BlobsFS || q.cfg.DataDir != "" {
		dir, err := dataDir(q.cfg)
		if err == nil {
			q.blobs.fs, err = fs.Open(filepath.Join(dir, "blobs"), q.cfg.reserve())
		}
		if err != nil {
			return fmt.Errorf("queue.data_dir: %w", err)
		}
		q.blobs.all[BlobsFS] = q.blobs.fs
	}
	if cfg := q.cfg.s3(); cfg.Complete() {
		s3, err := s3.Open(cfg, q.cfg.Name)
		if err != nil {
			return fmt.Errorf("queue.s3_endpoint: %w", err)
		}
		q.blobs.s3, q.blobs.all[BlobsS3] = s3, s3
	}
	return nil
}

func (s stores) close() {
	if s.s3 != nil {
		s.s3.Close()
	}
}

// newRef names an image of a job; kind tells the job's images apart.
func (s stores) newRef(id, kind string) string {
	name := id + "." + kind
	if s.scheme == BlobsS3 {
		name = s.s3.Home() + name
	}
	return s.scheme + ":" + name
}

func (s stores) of(ref string) (b Blobs, name string, err error) {
	scheme, name, _ := strings.Cut(ref, ":")
	if b, ok := s.all[scheme]; ok {
		return b, name, nil
	}
	return nil, "", fmt.Errorf("no %q store is configured here for image %s", scheme, ref)
}

func (s stores) Put(ctx context.Context, ref string, image []byte, ttl time.Duration) error {
	b, name, err := s.of(ref)
	if err != nil {
		return err
	}
	return b.Put(ctx, name, image, ttl)
}

func (s stores) Get(ctx context.Context, ref string) ([]byte, error) {
	b, name, err := s.of(ref)
	if err != nil {
		return nil, err
	}
	return b.Get(ctx, name)
}

func (s stores) Delete(ctx context.Context, refs ...string) error {
	names := map[Blobs][]string{}
	var errs []error
	for _, ref := range refs {
		b, name, err := s.of(ref)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		names[b] = append(names[b], name)
	}
	for b, names := range names {
		errs = append(errs, b.Delete(ctx, names...))
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
func (s stores) Check(ctx context.Context) error { return s.all[s.scheme].Check(ctx) }

// Input returns the image that was submitted, ErrNotFound once it was deleted.
func (q *Queue) Input(ctx context.Context, j Job) ([]byte, error) { return q.read(ctx, j.Input) }

// Output returns the encoded cut-out of a succeeded job, ErrNotFound where
// there is none (any more).
func (q *Queue) Output(ctx context.Context, j Job) ([]byte, error) { return q.read(ctx, j.Output) }

func (q *Queue) read(ctx context.Context, ref string) ([]byte, error) {
	if ref == "" {
		return nil, ErrNotFound
	}
	defer q.timed(readsImage)()
	return q.blobs.Get(ctx, ref)
}
