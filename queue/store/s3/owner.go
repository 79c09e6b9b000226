package s3

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/minio/minio-go/v7"

	"bgremove/queue/store"
)

// ownerName names the object that says whose images lie at home. An image's name is never like it.
const ownerName = "OWNER"

// Owner returns whose images lie at home: id, where they are nobody's yet.
func (s *Store) Owner(ctx context.Context, id string) (string, error) {
	owner, err := s.readOwner(ctx)
	if !errors.Is(err, store.ErrNotFound) {
		return owner, err
	}
	if err := s.setOwner(ctx, id); err != nil {
		return "", err
	}
	return s.readOwner(ctx) // another may have been first
}

// readOwner returns an ErrNotFound where nobody owns the images.
func (s *Store) readOwner(ctx context.Context) (string, error) {
	id, err := s.object(ctx, s.folder+ownerName)
	return string(id), s.fault("read the owner of images", err)
}

// setOwner does nothing where there is an owner by now, on servers that heed If-None-Match.
func (s *Store) setOwner(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	put := func(opts minio.PutObjectOptions) error {
		key, size := s.folder+ownerName, int64(len(id))
		_, err := s.client.Client.PutObject(ctx, s.bucket, key, strings.NewReader(id), size, opts)
		return err
	}
	plain := minio.PutObjectOptions{
		ContentType: "text/plain", DisableMultipart: true, SendContentMd5: true,
	}
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
	return s.fault("write the owner of images", err)
}
