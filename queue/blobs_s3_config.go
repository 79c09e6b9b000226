package queue

import (
	"errors"
	"net/url"
	"regexp"
	"strings"

	"github.com/minio/minio-go/v7"
)

// s3Lookups are the values of queue.s3_path_style: where a request has its bucket.
var s3Lookups = map[string]minio.BucketLookupType{
	"auto":    minio.BucketLookupAuto,
	"path":    minio.BucketLookupPath,
	"virtual": minio.BucketLookupDNS,
}

var (
	s3BucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)                                  // as Amazon has them
	s3Prefix     = regexp.MustCompile(`^([A-Za-z0-9_-][A-Za-z0-9_.-]*/)*$`)                                  // no "..", no "//"
	s3Location   = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/([A-Za-z0-9_-][A-Za-z0-9_.-]*/)*$`) // both
)

// usesS3 says that images on S3 can be read and written.
func (c Config) usesS3() bool { return !c.Embedded() && c.S3Endpoint != "" && c.S3Bucket != "" }

// s3Host is the endpoint without its scheme, which says whether to use TLS. An endpoint with a password in it is refused
// without being quoted.
func (c Config) s3Host() (host string, secure bool, err error) {
	u, err := url.Parse(c.S3Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", false, errors.New("must be https://host[:port] or http://host[:port] without user, path or query")
	}
	return u.Host, u.Scheme == "https", nil
}

func (c Config) oldLocations() []string {
	return strings.FieldsFunc(c.S3OldLocations, func(r rune) bool { return r == ',' || r == ' ' })
}

// validateS3 reports the faults of the s3 keys through fault.
func (c Config) validateS3(fault func(bad bool, format string, args ...any)) {
	if c.Blobs == BlobsS3 {
		fault(c.Embedded(), "blobs: s3 needs queue.url; the embedded queue keeps its images as files")
		fault(c.S3Bucket == "" && c.S3Endpoint == "", "blobs: s3 needs queue.s3_endpoint and queue.s3_bucket")
	}
	fault(c.S3Bucket != "" && c.S3Endpoint == "", "s3_endpoint: must be set, since s3_bucket is")
	fault(c.S3Bucket == "" && c.S3Endpoint != "", "s3_bucket: must be set, since s3_endpoint is")
	if c.S3Endpoint != "" {
		_, _, err := c.s3Host()
		fault(err != nil, "s3_endpoint: %v", err)
	}
	fault(c.S3Bucket != "" && !s3BucketName.MatchString(c.S3Bucket),
		"s3_bucket: must be 3 to 63 lower-case letters, digits, dots or dashes, is %q", c.S3Bucket)
	fault(!s3Prefix.MatchString(c.S3Prefix), "s3_prefix: must be empty or folders that each end with /, as in bgremove/, is %q", c.S3Prefix)
	for _, place := range c.oldLocations() {
		fault(!s3Location.MatchString(place), "s3_old_locations: must be BUCKET/ or BUCKET/PREFIX/, is %q", place)
	}
	_, known := s3Lookups[c.S3PathStyle]
	fault(!known, "s3_path_style: must be auto, path or virtual, is %q", c.S3PathStyle)
	fault(c.S3AccessKey == "" && c.S3SecretKey != "", "s3_access_key: must be set, since s3_secret_key is")
	fault(c.S3AccessKey != "" && c.S3SecretKey == "", "s3_secret_key: must be set, since s3_access_key is")
}
