package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// How long one call may take, its retries included: the first where no image is sent, the second until the image is
// through.
const (
	s3CallTimeout  = 10 * time.Second
	s3ImageTimeout = 30 * time.Second
	s3Tries        = 3
)

// s3Blobs keeps each image as one object BUCKET/PREFIX/QUEUE/NAME on a server that speaks the S3 API. S3 has no TTL for
// an object: an image stays until it is deleted or until sweepS3 finds that its job is gone.
type s3Blobs struct {
	client    minio.Core // Core, because Client.GetObject leaves a goroutine to whoever forgets to close
	probe     minio.Core // the same without retries: Check must answer in time
	transport *http.Transport
	bucket    string   // of new images
	homes     []string // "BUCKET/PREFIX/QUEUE/"; the first is of new images, the rest are of queue.s3_old_locations
}

// openS3Blobs prepares the client. It asks the server nothing: Check tells whether it answers.
func openS3Blobs(cfg Config) (*s3Blobs, error) {
	b := &s3Blobs{bucket: cfg.S3Bucket, transport: s3Transport()}
	for _, place := range append([]string{cfg.S3Bucket + "/" + cfg.S3Prefix}, cfg.oldLocations()...) {
		b.homes = append(b.homes, place+cfg.Name+"/")
	}
	var err error
	if b.client.Client, err = cfg.s3Client(b.transport, s3Tries); err != nil {
		return nil, err
	}
	b.probe.Client, err = cfg.s3Client(b.transport, 1)
	return b, err
}

// s3Transport is http.DefaultTransport with shorter waits, with the images as they are stored, and without HTTP/2, where one
// connection would have to carry them all.
func s3Transport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: s3CallTimeout,
		MaxIdleConns:          64,
		MaxIdleConnsPerHost:   64, // one server
		IdleConnTimeout:       time.Minute,
		DisableCompression:    true,
	}
}

// s3Client signs with the configured keys, or with what AWS's tools would find: variables, ~/.aws/credentials, then the
// machine's, container's or web identity's role. It has no goroutines.
func (c Config) s3Client(transport *http.Transport, tries int) (*minio.Client, error) {
	host, secure, err := c.s3Host()
	if err != nil {
		return nil, err
	}
	creds := credentials.NewStaticV4(c.S3AccessKey, c.S3SecretKey, "")
	if c.S3AccessKey == "" {
		creds = credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{},
		})
	}
	return minio.New(host, &minio.Options{
		Creds:        creds,
		Secure:       secure,
		Transport:    transport,
		Region:       c.S3Region,
		BucketLookup: s3Lookups[c.S3PathStyle],
		MaxRetries:   tries,
	})
}

// newName is the reference, without the scheme, of an image to be.
func (b *s3Blobs) newName(name string) string { return b.homes[0] + name }

var s3ImageName = regexp.MustCompile(`^([0-9a-f]{32})\.[0-9a-z.]+$`) // the first group is the job's id

// locate refuses a reference to anything but an image in one of the homes: references come back from Redis, and whoever
// can write there must not read with our keys what else they open.
func (b *s3Blobs) locate(ref string) (bucket, key string, err error) {
	for _, home := range b.homes {
		if name, ok := strings.CutPrefix(ref, home); ok && s3ImageName.MatchString(name) {
			bucket, key, _ = strings.Cut(ref, "/")
			return bucket, key, nil
		}
	}
	return "", "", fmt.Errorf("image reference %q leads neither to queue.s3_bucket and s3_prefix nor to queue.s3_old_locations", "s3:"+ref)
}

// fault names the bucket, makes a missing object ErrNotFound, and a server that cannot be reached or cannot serve now
// ErrUnavailable. What remains is refused for good: keys, bucket or permissions are wrong. No message holds a secret.
func (b *s3Blobs) fault(what, bucket string, err error) error {
	if err == nil {
		return nil
	}
	what = fmt.Sprintf("%s in bucket %q", what, bucket)
	var answer minio.ErrorResponse
	switch {
	case !errors.As(err, &answer):
		return storeAway(what, err) // no answer
	case answer.Code == minio.NoSuchKey:
		return ErrNotFound
	}
	err = fmt.Errorf("%s: %w (HTTP status %d)", answer.Code, err, answer.StatusCode)
	if answer.StatusCode >= 500 || answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode == http.StatusRequestTimeout {
		return storeAway(what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// storeAway is an ErrUnavailable that is told from one of the queue's server by an ErrStorage.
func storeAway(what string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrStorage, unavailable(what, err))
}

// Put sends the MD5 along, so that the server refuses what was changed on its way.
func (b *s3Blobs) Put(ctx context.Context, ref string, r io.Reader, size int64, _ time.Duration) error {
	bucket, key, err := b.locate(ref)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s3ImageTimeout)
	defer cancel()
	_, err = b.client.Client.PutObject(ctx, bucket, key, r, size, minio.PutObjectOptions{
		ContentType: "application/octet-stream", DisableMultipart: true, SendContentMd5: true,
	})
	return b.fault("put image", bucket, err)
}

func (b *s3Blobs) Open(ctx context.Context, ref string) (io.ReadCloser, error) {
	bucket, key, err := b.locate(ref)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s3ImageTimeout)
	body, _, _, err := b.client.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
	if err != nil {
		cancel()
		return nil, b.fault("get image", bucket, err)
	}
	return &s3Image{b: b, bucket: bucket, body: body, cancel: cancel}, nil
}

// s3Image is an answer's body. Less than the server announced is an error, by net/http.
type s3Image struct {
	b      *s3Blobs
	bucket string
	body   io.ReadCloser
	cancel context.CancelFunc
}

func (i *s3Image) Read(p []byte) (int, error) {
	n, err := i.body.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // a Reader gives it bare, and must
		err = i.b.fault("get image", i.bucket, err)
	}
	return n, err
}

func (i *s3Image) Close() error {
	defer i.cancel()
	return i.body.Close()
}

// Delete sends one request for up to 1000 images of a bucket.
func (b *s3Blobs) Delete(ctx context.Context, refs ...string) error {
	keys := map[string][]string{} // by bucket
	var errs []error
	for _, ref := range refs {
		bucket, key, err := b.locate(ref)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		keys[bucket] = append(keys[bucket], key)
	}
	for bucket, keys := range keys {
		errs = append(errs, b.remove(ctx, bucket, keys))
	}
	return errors.Join(errs...)
}

// remove deletes the keys of one bucket and returns the first fault.
func (b *s3Blobs) remove(ctx context.Context, bucket string, keys []string) error {
	ctx, cancel := context.WithTimeout(ctx, s3ImageTimeout)
	defer cancel()
	var fault error
	if len(keys) == 1 {
		fault = b.client.RemoveObject(ctx, bucket, keys[0], minio.RemoveObjectOptions{})
	} else {
		objects := func(yield func(minio.ObjectInfo) bool) {
			for _, key := range keys {
				if !yield(minio.ObjectInfo{Key: key}) {
					return
				}
			}
		}
		results, err := b.client.RemoveObjectsWithIter(ctx, bucket, objects, minio.RemoveObjectsOptions{})
		if err != nil {
			return b.fault("delete images", bucket, err)
		}
		for r := range results {
			if fault == nil && !gone(r.Err) {
				fault = r.Err
			}
		}
		if fault == nil {
			fault = ctx.Err() // an ended context ends the results without a word
		}
	}
	if gone(fault) {
		return nil
	}
	return b.fault("delete images", bucket, fault)
}

// gone says that there is nothing (more) to delete. S3 itself does not tell, others do.
func gone(err error) bool {
	var answer minio.ErrorResponse
	return err == nil || errors.As(err, &answer) && answer.Code == minio.NoSuchKey
}

// Touch only looks whether the image is there: it lives as long as its job.
func (b *s3Blobs) Touch(ctx context.Context, ref string, _ time.Duration) error {
	bucket, key, err := b.locate(ref)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s3CallTimeout)
	defer cancel()
	_, err = b.client.StatObject(ctx, bucket, key, minio.StatObjectOptions{})
	return b.fault("look for image", bucket, err)
}

// Check asks whether the bucket is there for these keys. Whether they may write shows at the first Put: to try it at every
// poll would cost money.
func (b *s3Blobs) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s3CallTimeout)
	defer cancel()
	found, err := b.probe.BucketExists(ctx, b.bucket)
	if err == nil && !found {
		err = minio.ErrorResponse{Code: minio.NoSuchBucket, StatusCode: http.StatusNotFound}
	}
	return b.fault("find images", b.bucket, err)
}

func (b *s3Blobs) close() { b.transport.CloseIdleConnections() }
