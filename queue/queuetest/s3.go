package queuetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// The S3 server of the tests, from the Go module proxy. To build it takes about a
// minute, once a machine.
const (
	s3Module  = "github.com/versity/versitygw/cmd/versitygw"
	s3Version = "v1.8.0"
)

// The keys that an S3 server is started with.
const (
	S3AccessKey = "test-access"
	S3SecretKey = "test-secret-of-the-root-user"
)

// S3 is an S3 server process of a test's own, which keeps its objects in a folder of the test's.
type S3 struct {
	URL string // http://127.0.0.1:port
	process
}

// StartS3 runs a server on a free loopback port until the test ends.
func StartS3(t testing.TB) *S3 {
	t.Helper()
	addr := freeAddr(t)
	s := &S3{URL: "http://" + addr, process: process{
		// Sidecar, because not every file system has attributes.
		args: []string{
			s3Program(t), "--port", addr, "--quiet", "posix", "--sidecar", t.TempDir(), t.TempDir(),
		},
		env: []string{"ROOT_ACCESS_KEY=" + S3AccessKey, "ROOT_SECRET_KEY=" + S3SecretKey},
	}}
	s.ready = func() error { _, err := s.Client(t).ListBuckets(context.Background()); return err }
	s.start(t)
	t.Cleanup(s.Stop)
	return s
}

// Client returns one that speaks to the server as its root user.
func (s *S3) Client(t testing.TB) *minio.Client {
	t.Helper()
	c, err := minio.New(strings.TrimPrefix(s.URL, "http://"), &minio.Options{
		Creds: credentials.NewStaticV4(S3AccessKey, S3SecretKey, ""), Region: "us-east-1",
		MaxRetries: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// MakeBucket makes an empty bucket.
func (s *S3) MakeBucket(t testing.TB, name string) {
	t.Helper()
	if err := s.Client(t).MakeBucket(t.Context(), name, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
}

// s3Program builds the server at first use and keeps it in the user's cache folder.
func s3Program(t testing.TB) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(cache, "bgremove-test")
	program := filepath.Join(folder,
		fmt.Sprintf("versitygw-%s-%s-%s", s3Version, runtime.GOOS, runtime.GOARCH))
	if _, err := os.Stat(program); !errors.Is(err, os.ErrNotExist) {
		if err != nil {
			t.Fatal(err)
		}
		return program
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	// of this process alone; beside program, so that it can be renamed
	bin, err := os.MkdirTemp(folder, "build-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(bin)
	build := exec.CommandContext(t.Context(), "go", "install", s3Module+"@"+s3Version)
	build.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS=", "CGO_ENABLED=0", "GOOS=", "GOARCH=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf(
			"build the S3 server of the tests (needs the Go module proxy at first use): %v\n%s",
			err, out)
	}
	if err := os.Rename(filepath.Join(bin, "versitygw"), program); err != nil {
		t.Fatal(err)
	}
	return program
}
