// Package s3 keeps each image as one object BUCKET/PREFIX/QUEUE/NAME on a server that speaks the S3
// API.
//
// S3 has no TTL for an object: an image stays until it is deleted. Whoever knows which jobs are
// gone lists the images and deletes those of such jobs.
package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"bgremove/queue/store"
)

// How long one call may take, its retries included: the first where no image is sent, the second
// until the image is through.
const (
	callTimeout  = 10 * time.Second
	imageTimeout = 30 * time.Second
	dialTimeout  = 3 * time.Second
	tries        = 3
)

// Store is safe for concurrent use. Its owner closes it.
type Store struct {
	// Core, because Client.GetObject leaves a goroutine to whoever forgets to close
	client    minio.Core
	probe     minio.Core // the same without retries: Check must answer in time
	transport *http.Transport
	bucket    string
	folder    string // PREFIX/QUEUE/ of every object
}

// Open prepares the client for the images of a queue. It asks the server nothing: Check tells
// whether it answers.
func Open(cfg Config, queue string) (*Store, error) {
	s := &Store{bucket: cfg.Bucket, folder: cfg.Prefix + queue + "/", transport: transport()}
	var err error
	if s.client.Client, err = cfg.client(s.transport, tries); err != nil {
		return nil, err
	}
	s.probe.Client, err = cfg.client(s.transport, 1)
	return s, err
}

// transport returns http.DefaultTransport with shorter waits, with the images as they are stored,
// and without HTTP/2, where one connection would have to carry them all.
func transport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: callTimeout,
		MaxIdleConns:          64,
		MaxIdleConnsPerHost:   64, // one server
		IdleConnTimeout:       time.Minute,
		DisableCompression:    true,
	}
}

// Close closes idle connections.
func (s *Store) Close() { s.transport.CloseIdleConnections() }

// Home returns where the images are, as BUCKET/PREFIX/QUEUE/. Every reference begins with it.
func (s *Store) Home() string { return s.bucket + "/" + s.folder }

// the first group is the job's id
var imageName = regexp.MustCompile(`^([0-9a-f]{32})\.[0-9a-z.]+$`)

// key returns the object of a reference. It refuses one to anything but an image at home:
// references come back from Redis, and whoever can write there must not read with our keys what
// else they open.
func (s *Store) key(ref string) (string, error) {
	name, ok := strings.CutPrefix(ref, s.Home())
	if !ok || !imageName.MatchString(name) {
		return "", fmt.Errorf("image reference %q does not lead to queue.s3_bucket and s3_prefix",
			"s3:"+ref)
	}
	return s.folder + name, nil
}

// fault names the bucket, makes a missing object ErrNotFound, and a server that cannot be reached
// or cannot serve now ErrUnavailable. What remains is refused for good: keys, bucket or permissions
// are wrong. No message holds a secret.
func (s *Store) fault(what string, err error) error {
	if err == nil {
		return nil
	}
	what = fmt.Sprintf("%s in bucket %q", what, s.bucket)
	var answer minio.ErrorResponse
	switch {
	case !errors.As(err, &answer):
		return away(what, err) // no answer
	case answer.Code == minio.NoSuchKey:
		return store.ErrNotFound
	}
	err = fmt.Errorf("%s: %w (HTTP status %d)", answer.Code, err, answer.StatusCode)
	if answer.StatusCode >= 500 || answer.StatusCode == http.StatusTooManyRequests ||
		answer.StatusCode == http.StatusRequestTimeout {
		return away(what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

func away(what string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %s: %w: %w", store.ErrFailed, what, store.ErrUnavailable, err)
}

// Put sends the MD5 along, so that the server refuses what was changed on its way.
func (s *Store) Put(ctx context.Context, ref string, image []byte, _ time.Duration) error {
	key, err := s.key(ref)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, imageTimeout)
	defer cancel()
	opts := minio.PutObjectOptions{
		ContentType: "application/octet-stream", DisableMultipart: true, SendContentMd5: true,
	}
	_, err = s.client.Client.PutObject(ctx, s.bucket, key, bytes.NewReader(image),
		int64(len(image)), opts)
	return s.fault("put image", err)
}

// Get returns an image, in a buffer of the size that the server announces. Less than that is an
// error.
func (s *Store) Get(ctx context.Context, ref string) ([]byte, error) {
	key, err := s.key(ref)
	if err != nil {
		return nil, err
	}
	image, err := s.object(ctx, key)
	return image, s.fault("get image", err)
}

func (s *Store) object(ctx context.Context, key string) (data []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, imageTimeout)
	defer cancel()
	body, info, _, err := s.client.GetObject(ctx, s.bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if info.Size < 0 { // a proxy on the way keeps it back
		return io.ReadAll(body)
	}
	data = make([]byte, info.Size)
	_, err = io.ReadFull(body, data)
	return data, err
}

// Delete sends one request for up to 1000 images.
func (s *Store) Delete(ctx context.Context, refs ...string) error {
	var keys []string
	var errs []error
	for _, ref := range refs {
		key, err := s.key(ref)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		keys = append(keys, key)
	}
	ctx, cancel := context.WithTimeout(ctx, imageTimeout)
	defer cancel()
	switch len(keys) {
	case 0:
	case 1:
		err := s.client.RemoveObject(ctx, s.bucket, keys[0], minio.RemoveObjectOptions{})
		errs = append(errs, s.deleted(err))
	default:
		errs = append(errs, s.deleted(s.deleteMany(ctx, keys)))
	}
	return errors.Join(errs...)
}

// deleteMany returns the first fault.
func (s *Store) deleteMany(ctx context.Context, keys []string) error {
	objects := func(yield func(minio.ObjectInfo) bool) {
		for _, key := range keys {
			if !yield(minio.ObjectInfo{Key: key}) {
				return
			}
		}
	}
	results, err := s.client.RemoveObjectsWithIter(ctx, s.bucket, objects,
		minio.RemoveObjectsOptions{})
	if err != nil {
		return err
	}
	var fault error
	for r := range results {
		if fault == nil && s.deleted(r.Err) != nil {
			fault = r.Err
		}
	}
	if fault == nil {
		fault = ctx.Err() // an ended context ends the results without a word
	}
	return fault
}

// deleted returns the fault of a deletion. It is none that there was nothing (more) to delete: S3
// itself does not tell, others do.
func (s *Store) deleted(err error) error {
	if err = s.fault("delete images", err); errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// Touch only looks whether the image is there: it lives as long as its job.
func (s *Store) Touch(ctx context.Context, ref string, _ time.Duration) error {
	key, err := s.key(ref)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err = s.client.StatObject(ctx, s.bucket, key, minio.StatObjectOptions{})
	return s.fault("look for image", err)
}

// Check asks whether the bucket is there for these keys. Whether they may write shows at the first
// Put: to try it at every poll would cost money.
func (s *Store) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	found, err := s.probe.BucketExists(ctx, s.bucket)
	if err == nil && !found {
		err = minio.ErrorResponse{Code: minio.NoSuchBucket, StatusCode: http.StatusNotFound}
	}
	return s.fault("find images", err)
}

// Image is one as List finds it.
type Image struct {
	Ref    string
	Job    string // its id
	Stored time.Time
}

// List yields the images behind a reference, or all for an empty one, in order. It ends at the
// first error.
func (s *Store) List(ctx context.Context, after string) iter.Seq2[Image, error] {
	return func(yield func(Image, error) bool) {
		ctx, stop := context.WithCancel(ctx) // ends the listing
		defer stop()
		after := strings.TrimPrefix(after, s.bucket+"/")
		opts := minio.ListObjectsOptions{Prefix: s.folder, StartAfter: after, Recursive: true}
		for o := range s.client.ListObjectsIter(ctx, s.bucket, opts) {
			if o.Err != nil {
				yield(Image{}, s.fault("list images", o.Err))
				return
			}
			m := imageName.FindStringSubmatch(strings.TrimPrefix(o.Key, s.folder))
			if m != nil && !yield(Image{s.bucket + "/" + o.Key, m[1], o.LastModified}, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Image{}, fmt.Errorf("list images in bucket %q: %w", s.bucket, err))
		}
	}
}
