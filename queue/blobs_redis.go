package queue

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisBlobs keeps each image as one string, under a hash tag of its job's own, so that a cluster
// spreads the images. Meant for small installations: Redis holds all of it in memory.
type redisBlobs struct {
	redis redis.UniversalClient
	// that must have an image before Put returns: a job that outlives a fail-over needs it
	replicas int
}

func blobKey(name string) string {
	id, kind, _ := strings.Cut(name, ".")
	return "bg:blob:{" + id + "}:" + kind
}

func (b redisBlobs) Put(ctx context.Context, name string, image []byte, ttl time.Duration) error {
	if b.replicas == 0 {
		return unavailable("put image", b.redis.Set(ctx, blobKey(name), image, ttl).Err())
	}
	return unavailable("put image",
		replicated(ctx, b.redis, b.replicas, blobKey(name), func(p redis.Pipeliner) {
			p.Set(ctx, blobKey(name), image, ttl)
		}))
}

func (b redisBlobs) Get(ctx context.Context, name string) ([]byte, error) {
	image, err := b.redis.Get(ctx, blobKey(name)).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, ErrNotFound
	}
	return image, unavailable("get image", err)
}

func (b redisBlobs) Delete(ctx context.Context, names ...string) error {
	var errs []error
	for _, name := range names { // one at a time: their slots differ
		errs = append(errs, unavailable("delete image", b.redis.Unlink(ctx, blobKey(name)).Err()))
	}
	return errors.Join(errs...)
}

func (b redisBlobs) Touch(ctx context.Context, name string, ttl time.Duration) error {
	found, err := b.redis.PExpire(ctx, blobKey(name), ttl).Result()
	if err != nil {
		return unavailable("prolong image", err)
	}
	if !found {
		return ErrNotFound
	}
	return nil
}

// Check has nothing to add: the queue's own check asks the same server.
func (b redisBlobs) Check(context.Context) error { return nil }
