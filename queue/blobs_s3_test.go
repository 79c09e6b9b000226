package queue

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"bgremove/queue/queuetest"
)

// useS3 makes the server's bucket "images", at first use, and has c keep its images there.
func useS3(t testing.TB, c *Config, s *queuetest.S3) {
	t.Helper()
	if found, err := s.Client(t).BucketExists(t.Context(), "images"); err != nil {
		t.Fatal(err)
	} else if !found {
		s.MakeBucket(t, "images")
	}
	c.Blobs, c.S3Endpoint, c.S3Bucket = BlobsS3, s.URL, "images"
	c.S3AccessKey, c.S3SecretKey = queuetest.S3AccessKey, queuetest.S3SecretKey
}

func s3Config(t *testing.T, s *queuetest.S3) Config {
	t.Helper()
	cfg := DefaultConfig()
	cfg.URL = queuetest.StartRedis(t).URL()
	useS3(t, &cfg, s)
	return cfg
}

// objects lists the keys of a bucket.
func objects(t *testing.T, s *queuetest.S3, bucket string) (keys []string) {
	t.Helper()
	for o := range s.Client(t).
		ListObjectsIter(t.Context(), bucket, minio.ListObjectsOptions{Recursive: true}) {
		must(t, o.Err)
		keys = append(keys, o.Key)
	}
	return keys
}

func TestS3Away(t *testing.T) {
	s := queuetest.StartS3(t)
	q := open(t, s3Config(t, s))
	c := consumer(t, q)
	id := enqueue(t, q, Request{Image: []byte("in")})
	j := claim(t, c)
	s.Stop()
	_, err := c.Input(t.Context(), j)
	wantErr(t, err, ErrUnavailable)
	wantErr(t, c.Complete(t.Context(), j, []byte("out"), ""), ErrUnavailable)
	wantErr(t, q.Check(t.Context()), ErrUnavailable)
	_, err = q.Enqueue(t.Context(), Request{Image: []byte("in")})
	wantErr(t, err, ErrUnavailable)
	s.Restart(t)
	must(t, q.Check(t.Context()))
	if in, err := c.Input(t.Context(), j); err != nil || string(in) != "in" {
		t.Errorf("input is %q, %v", in, err)
	}
	must(t, c.Complete(t.Context(), j, []byte("out"), ""))
	if out, err := q.Output(t.Context(), wantState(t, q, id, Succeeded)); err != nil ||
		string(out) != "out" {
		t.Errorf("output is %q, %v", out, err)
	}
}

// What is wrong for good is said with its reason and the bucket, without the secret, and counts
// as a fault of the store.
func TestS3Refuses(t *testing.T) {
	s := queuetest.StartS3(t)
	good := s3Config(t, s)
	for _, test := range []struct {
		name string
		set  func(c *Config)
		want string
	}{
		{"secret", func(c *Config) { c.S3SecretKey = "wrong-secret" }, "SignatureDoesNotMatch"},
		{"access key", func(c *Config) { c.S3AccessKey = "nobody" }, "access key"},
		{"bucket", func(c *Config) { c.S3Bucket = "no-such-bucket" }, "NoSuchBucket"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := good
			test.set(&cfg)
			q := open(t, cfg)
			_, getErr := q.read(t.Context(), q.blobs.newRef(newID(), "in"))
			putErr := q.blobs.Put(t.Context(), q.blobs.newRef(newID(), "in"),
				[]byte("x"), time.Minute)
			for call, err := range map[string]error{"get": getErr, "put": putErr} {
				wantRefusal(t, call, err, cfg, test.want)
			}
			// HEAD: the status is all there is
			wantRefusal(t, "check", q.Check(t.Context()), cfg, "")
		})
	}
}

func wantRefusal(t *testing.T, call string, err error, cfg Config, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("%s worked", call)
	}
	text := err.Error()
	if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrNotFound) ||
		!strings.Contains(text, want) || !strings.Contains(text, cfg.S3Bucket) ||
		strings.Contains(text, cfg.S3SecretKey) {
		t.Errorf("%s: error is %v", call, err)
	}
}

func TestS3ReadOnly(t *testing.T) {
	s := queuetest.StartS3(t)
	cfg := s3Config(t, s)
	q := open(t, cfg)
	c := consumer(t, q)
	enqueue(t, q, Request{Image: []byte("in")})
	j := claim(t, c)
	s.Restart(t, "--readonly")
	if in, err := c.Input(t.Context(), j); err != nil || string(in) != "in" {
		t.Errorf("input is %q, %v", in, err)
	}
	wantRefusal(t, "complete", c.Complete(t.Context(), j, []byte("out"), ""), cfg, "AccessDenied")
}

// Jobs taken under one store are finished under another.
func TestSwitchStores(t *testing.T) {
	s := queuetest.StartS3(t)
	cfg := s3Config(t, s)
	cfg.DataDir = t.TempDir()
	var stored []string // image of each job
	var jobs []string
	for i, step := range []string{BlobsRedis, BlobsS3, BlobsFS, BlobsS3} {
		cfg.Blobs = step
		q := open(t, cfg)
		c := consumer(t, q)
		// What is there of earlier stores is read, and one job of each is finished here.
		for n := range jobs {
			j := wantState(t, q, jobs[n], Queued)
			if in, err := q.Input(t.Context(), j); err != nil || string(in) != stored[n] {
				t.Fatalf("step %d: input of job %d is %q, %v", i, n, in, err)
			}
		}
		if len(jobs) > 0 {
			j := claim(t, c)
			must(t, c.Complete(t.Context(), j, []byte("out"), ""))
			done := wantState(t, q, j.ID, Succeeded)
			if out, err := q.Output(t.Context(), done); err != nil || string(out) != "out" ||
				!strings.HasPrefix(done.Output, step+":") {
				t.Fatalf("step %d: output of %s is %q, %v", i, done.Output, out, err)
			}
			_, err := q.Input(t.Context(), done)
			wantErr(t, err, ErrNotFound) // deleted where it was
			jobs, stored = jobs[1:], stored[1:]
		}
		for range 2 {
			image := "image of step " + step
			id := enqueue(t, q, Request{Image: []byte(image)})
			if in := wantState(t, q, id, Queued).Input; !strings.HasPrefix(in, step+":") {
				t.Errorf("step %d stored %s", i, in)
			}
			jobs, stored = append(jobs, id), append(stored, image)
		}
	}
	if keys := objects(t, s, "images"); len(keys) != 5 { // three inputs, two results
		t.Errorf("the bucket has %v", keys)
	}
}

func TestS3FollowsNoOtherReference(t *testing.T) {
	s := queuetest.StartS3(t)
	q := open(t, s3Config(t, s))
	id := newID()
	s.MakeBucket(t, "private")
	for _, object := range []string{"private/bgremove/default/" +
		id + ".in", "images/other/default/" + id + ".in", "images/bgremove/other/" + id + ".in"} {
		bucket, key, _ := strings.Cut(object, "/")
		_, err := s.Client(t).
			PutObject(t.Context(), bucket, key, strings.NewReader("x"), 1, minio.PutObjectOptions{})
		must(t, err)
		_, err = q.read(t.Context(), "s3:"+object)
		if err == nil || !strings.Contains(err.Error(), "does not lead to queue.s3_bucket") {
			t.Errorf("%s: %v", object, err)
		}
		if err := q.blobs.Delete(t.Context(), "s3:"+object); err == nil {
			t.Errorf("%s was deleted", object)
		}
	}
}

func TestSweepS3(t *testing.T) {
	s := queuetest.StartS3(t)
	cfg := s3Config(t, s)
	q := open(t, cfg)
	ctx, c := t.Context(), consumer(t, q)
	put := func(key string) {
		_, err := s.Client(t).
			PutObject(ctx, "images", key, strings.NewReader("x"), 1, minio.PutObjectOptions{})
		must(t, err)
	}
	waiting := enqueue(t, q, Request{})
	finished := enqueue(t, q, Request{Priority: Interactive})
	must(t, c.Complete(ctx, claim(t, c), []byte("out"), ""))
	lost := enqueue(t, q, Request{})
	must(t, q.redis.Del(ctx, q.jobKey(lost)).Err())
	// of a dead worker
	must(t, q.blobs.Put(ctx, q.blobs.newRef(newID(), "out.w.1"), []byte("x"), time.Minute))
	// no image of the queue's
	put("bgremove/default/mine.jpg")
	// another queue's
	put("bgremove/other/" + newID() + ".in")
	put(newID() + ".in")

	must(t, q.sweepS3InTurn(ctx, time.Now()))      // too young
	if n := len(objects(t, s, "images")); n != 8 { // with the owner
		t.Errorf("%d objects after a sweep of young ones", n)
	}
	later := time.Now().Add(s3Young + time.Minute)
	must(t, q.sweepS3InTurn(ctx, later)) // not our turn
	if n := len(objects(t, s, "images")); n != 8 {
		t.Errorf("%d objects after a sweep out of turn", n)
	}
	must(t, q.redis.Del(ctx, q.prefix+":sweep").Err())
	must(t, q.sweepS3InTurn(ctx, later))
	left := strings.Join(objects(t, s, "images"), " ")
	if n := len(strings.Fields(left)); n != 6 || !strings.Contains(left, waiting) ||
		!strings.Contains(left, finished) {
		t.Errorf("left after an hour: %s", left)
	}
	if ttl := q.redis.PTTL(ctx, q.prefix+":sweep").Val(); ttl <= 0 || ttl > s3SweepEvery {
		t.Errorf("the turn lapses in %v", ttl)
	}
}

// A round goes on where the last one stopped.
func TestSweepS3GoesOn(t *testing.T) {
	s := queuetest.StartS3(t)
	q := open(t, s3Config(t, s))
	ctx := t.Context()
	for _, digit := range []string{"1", "2"} {
		ref := q.blobs.newRef(strings.Repeat(digit, 32), "in")
		must(t, q.blobs.Put(ctx, ref, []byte("x"), time.Minute))
	}
	home := q.blobs.s3.Home()
	must(t, q.redis.HSet(ctx, q.prefix+":swept", home, home+strings.Repeat("1", 32)+".in").Err())
	later := time.Now().Add(time.Hour)
	must(t, q.sweepS3(ctx, later))
	if keys := objects(t, s, "images"); len(keys) != 2 || !strings.Contains(keys[0], "111") {
		t.Errorf("left: %v", keys)
	}
	must(t, q.sweepS3(ctx, later)) // from the start again
	if keys := objects(t, s, "images"); len(keys) != 1 || "images/"+keys[0] != home+"OWNER" {
		t.Errorf("left: %v", keys)
	}
}

// A queue on another Redis, by mistake with the same bucket and prefix, knows none of the
// jobs: it deletes nothing.
func TestSweepS3OfAnother(t *testing.T) {
	s := queuetest.StartS3(t)
	q, other := open(t, s3Config(t, s)), open(t, s3Config(t, s))
	ctx, later := t.Context(), time.Now().Add(s3Young+time.Minute)
	id := enqueue(t, q, Request{Image: []byte("in")})
	must(t, q.sweepS3InTurn(ctx, later))
	if err := other.sweepS3InTurn(ctx, later); !errors.Is(err, errNotOurs) {
		t.Errorf("the other queue's sweep: %v", err)
	}
	// its Redis comes back empty
	must(t, q.redis.Del(ctx, q.prefix+":id", q.jobKey(id), q.prefix+":sweep").Err())
	if err := q.sweepS3InTurn(ctx, later); !errors.Is(err, errNotOurs) {
		t.Errorf("the sweep with an empty Redis: %v", err)
	}
	if keys := strings.Join(objects(t, s, "images"), " "); !strings.Contains(keys, id) {
		t.Errorf("left: %s", keys)
	}
}

// With Redis away nothing is known to be gone.
func TestSweepS3WithoutRedis(t *testing.T) {
	s := queuetest.StartS3(t)
	r := queuetest.StartRedis(t)
	cfg := DefaultConfig()
	cfg.URL = r.URL()
	useS3(t, &cfg, s)
	q := open(t, cfg)
	ref := q.blobs.newRef(newID(), "in")
	must(t, q.blobs.Put(t.Context(), ref, []byte("x"), time.Minute))
	r.Stop()
	wantErr(t,
		q.deleteOrphans(t.Context(), []string{newID()}, []string{strings.TrimPrefix(ref, "s3:")}),
		ErrUnavailable)
	if _, err := q.read(t.Context(), ref); err != nil {
		t.Error(err)
	}
}

func TestValidateS3(t *testing.T) {
	for _, test := range []struct {
		name string
		set  func(c *Config)
		want string // "" means valid
	}{
		{"complete", func(*Config) {}, ""},
		{"role", func(c *Config) { c.S3AccessKey, c.S3SecretKey = "", "" }, ""},
		{"embedded", func(c *Config) { c.URL = "" }, "blobs: s3 needs queue.url"},
		{
			"nothing", func(c *Config) { c.S3Endpoint, c.S3Bucket = "", "" },
			"blobs: s3 needs queue.s3_endpoint",
		},
		{"no endpoint", func(c *Config) { c.S3Endpoint = "" }, "s3_endpoint: must be set"},
		{"no bucket", func(c *Config) { c.S3Bucket = "" }, "s3_bucket: must be set"},
		{
			"no scheme", func(c *Config) { c.S3Endpoint = "minio:9000" },
			"s3_endpoint: must be https://",
		},
		{
			"password", func(c *Config) { c.S3Endpoint = "http://a:hunter2@minio" },
			"s3_endpoint: must be https://",
		},
		{
			"path", func(c *Config) { c.S3Endpoint = "http://minio/images" },
			"s3_endpoint: must be https://",
		},
		{
			"bucket", func(c *Config) { c.S3Bucket = "Images/a" },
			`s3_bucket: must be 3 to 63 lower-case letters, digits, dots or dashes, is "Images/a"`,
		},
		{
			"prefix", func(c *Config) { c.S3Prefix = "../" },
			`s3_prefix: must be empty or folders that each end with /, as in bgremove/, is "../"`,
		},
		{"unended prefix", func(c *Config) { c.S3Prefix = "a" }, "s3_prefix: must be"},
		{"no prefix", func(c *Config) { c.S3Prefix = "" }, ""},
		{
			"style", func(c *Config) { c.S3PathStyle = "dns" },
			`s3_path_style: must be auto, path or virtual, is "dns"`,
		},
		{"half a key", func(c *Config) { c.S3AccessKey = "" }, "s3_access_key: must be set"},
		{"other half", func(c *Config) { c.S3SecretKey = "" }, "s3_secret_key: must be set"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := DefaultConfig()
			c.URL, c.Blobs, c.S3Endpoint, c.S3Bucket, c.S3AccessKey, c.S3SecretKey = "redis://h",
				BlobsS3, "https://minio:9000", "images", "a", "hunter2"
			test.set(&c)
			err := c.Validate()
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want) ||
				strings.Contains(err.Error(), "hunter2")):
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// A server that takes connections and never answers holds nobody up for longer
// than the caller waits.
func TestS3Silent(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	cfg := DefaultConfig()
	cfg.URL = queuetest.StartRedis(t).URL()
	cfg.Blobs, cfg.S3Endpoint, cfg.S3Bucket, cfg.S3AccessKey, cfg.S3SecretKey = BlobsS3,
		"http://"+l.Addr().String(), "images", "a", "b"
	q := open(t, cfg)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	wantErr(t, q.Check(ctx), ErrUnavailable)
	wantErr(t, q.blobs.Touch(ctx, q.blobs.newRef(newID(), "in"), time.Minute), ErrUnavailable)
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestS3KeysFromTheEnvironment(t *testing.T) {
	s := queuetest.StartS3(t)
	cfg := s3Config(t, s)
	cfg.S3AccessKey, cfg.S3SecretKey = "", ""
	t.Setenv("AWS_ACCESS_KEY_ID", queuetest.S3AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", queuetest.S3SecretKey)
	must(t, open(t, cfg).Check(t.Context()))
}
