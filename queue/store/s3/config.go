package s3

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Config says on which server, and where there, images are kept.
type Config struct {
	Endpoint  string // https://host[:port] or http://host[:port]
	Bucket    string
	Region    string // empty: the server is asked
	Prefix    string // empty, or folders that each end with /
	PathStyle string // where a request has its bucket: auto, path or virtual
	AccessKey string // empty: what AWS's tools would find
	SecretKey string
}

func lookups() map[string]minio.BucketLookupType {
	return map[string]minio.BucketLookupType{
		"auto": minio.BucketLookupAuto, "path": minio.BucketLookupPath,
		"virtual": minio.BucketLookupDNS,
	}
}

var (
	bucketName  = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`) // as Amazon has them
	validPrefix = regexp.MustCompile(`^([A-Za-z0-9_-][A-Za-z0-9_.-]*/)*$`) // no "..", no "//"
)

// Complete reports whether images can be read and written.
func (c Config) Complete() bool { return c.Endpoint != "" && c.Bucket != "" }

// Validate reports the faults of the s3 keys through fault.
func (c Config) Validate(fault func(bad bool, format string, args ...any)) {
	fault(c.Bucket != "" && c.Endpoint == "", "s3_endpoint: must be set, since s3_bucket is")
	fault(c.Bucket == "" && c.Endpoint != "", "s3_bucket: must be set, since s3_endpoint is")
	if c.Endpoint != "" {
		_, _, err := c.host()
		fault(err != nil, "s3_endpoint: %v", err)
	}
	fault(c.Bucket != "" && !bucketName.MatchString(c.Bucket),
		"s3_bucket: must be 3 to 63 lower-case letters, digits, dots or dashes, is %q", c.Bucket)
	fault(!validPrefix.MatchString(c.Prefix),
		"s3_prefix: must be empty or folders that each end with /, as in bgremove/, is %q",
		c.Prefix)
	_, known := lookups()[c.PathStyle]
	fault(!known, "s3_path_style: must be auto, path or virtual, is %q", c.PathStyle)
	fault(c.AccessKey == "" && c.SecretKey != "",
		"s3_access_key: must be set, since s3_secret_key is")
	fault(c.AccessKey != "" && c.SecretKey == "",
		"s3_secret_key: must be set, since s3_access_key is")
}

// host returns the endpoint without its scheme, which says whether to use TLS. An endpoint with a
// password in it is refused without being quoted.
func (c Config) host() (host string, secure bool, err error) {
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" ||
		u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", false, errors.New(
			"must be https://host[:port] or http://host[:port] without user, path or query")
	}
	return u.Host, u.Scheme == "https", nil
}

// client signs with the configured keys, or with what AWS's tools would find: variables,
// ~/.aws/credentials, then the machine's, container's or web identity's role. It has no goroutines.
func (c Config) client(transport *http.Transport, tries int) (*minio.Client, error) {
	host, secure, err := c.host()
	if err != nil {
		return nil, err
	}
	creds := credentials.NewStaticV4(c.AccessKey, c.SecretKey, "")
	if c.AccessKey == "" {
		creds = credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{},
		})
	}
	return minio.New(host, &minio.Options{
		Creds:        creds,
		Secure:       secure,
		Transport:    transport,
		Region:       c.Region,
		BucketLookup: lookups()[c.PathStyle],
		MaxRetries:   tries,
	})
}
