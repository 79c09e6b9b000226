package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/minio/minio-go/v7"
)

// s3Owner names the object of a home that says whose images lie there: the id that the queue's server keeps as T:id. A sweep deletes the
// images whose job its server does not know. A server that is not the home's, or that lost its memory, knows none of them.
const s3Owner = "OWNER"

var errNotOurs = errors.New("the images there are another queue's, or this queue's Redis has lost its memory: none are deleted")

// ownS3 returns errNotOurs unless home is this queue's. A home without an owner becomes it.
func (q *Queue) ownS3(ctx context.Context, home string) error {
	id, err := q.identity(ctx)
	if err != nil {
		return err
	}
	owner, err := q.blobs.s3.owner(ctx, home)
	if errors.Is(err, ErrNotFound) {
		if err := q.blobs.s3.setOwner(ctx, home, id); err != nil {
			return err
		}
		owner, err = q.blobs.s3.owner(ctx, home) // another queue may have been first
	}
	if err != nil {
		return err
	}
	if owner != id {
		return fmt.Errorf("%s: %w; if that is wrong, delete the object %s", home, errNotOurs, home+s3Owner)
	}
	return nil
}

// identity is the queue's id on its server, made by whoever asks first.
func (q *Queue) identity(ctx context.Context) (string, error) {
	key := q.prefix + ":id"
	if err := q.redis.SetNX(ctx, key, newID(), 0).Err(); err != nil {
		return "", unavailable("make the queue's id", err)
	}
	id, err := q.redis.Get(ctx, key).Result()
	return id, unavailable("read the queue's id", err)
}

// owner reads who owns a home; ErrNotFound: nobody.
func (b *s3Blobs) owner(ctx context.Context, home string) (string, error) {
	bucket, prefix, _ := strings.Cut(home, "/")
	ctx, cancel := context.WithTimeout(ctx, s3CallTimeout)
	defer cancel()
	body, _, _, err := b.client.GetObject(ctx, bucket, prefix+s3Owner, minio.GetObjectOptions{})
	if err != nil {
		return "", b.fault("read the owner of images", bucket, err)
	}
	defer body.Close()
	id, err := io.ReadAll(io.LimitReader(body, 64))
	return string(id), b.fault("read the owner of images", bucket, err)
}

// setOwner does nothing where there is an owner by now, on servers that heed If-None-Match.
func (b *s3Blobs) setOwner(ctx context.Context, home, id string) error {
	bucket, prefix, _ := strings.Cut(home, "/")
	ctx, cancel := context.WithTimeout(ctx, s3CallTimeout)
	defer cancel()
	put := func(opts minio.PutObjectOptions) error {
		_, err := b.client.Client.PutObject(ctx, bucket, prefix+s3Owner, strings.NewReader(id), int64(len(id)), opts)
		return err
	}
	plain := minio.PutObjectOptions{ContentType: "text/plain", DisableMultipart: true, SendContentMd5: true}
	unlessThere := plain
	unlessThere.SetMatchETagExcept("*")
	err := put(unlessThere)
	var answer minio.ErrorResponse
	if errors.As(err, &answer) && answer.Code == minio.PreconditionFailed {
		return nil
	}
	if errors.As(err, &answer) && answer.StatusCode == http.StatusNotImplemented {
		err = put(plain)
	}
	return b.fault("write the owner of images", bucket, err)
}
