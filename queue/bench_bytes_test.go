package queue

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"bgremove/queue/queuetest"
	"bgremove/queue/store/spool"
)

// BenchmarkImage puts an image of 42 MiB into each store and gets it back. A get allocates one
// buffer of the image's size. What Redis' client and S3's keep for themselves comes on top.
func BenchmarkImage(b *testing.B) {
	image := bytes.Repeat([]byte("bgremove"), 42<<20/8)
	for _, kind := range []struct {
		name string
		set  func(c *Config)
	}{
		{"redis", func(*Config) {}},
		{"fs", func(c *Config) { c.Blobs, c.DataDir = BlobsFS, benchDir(b) }},
		{"s3", func(c *Config) { useS3(b, c, queuetest.StartS3(b)) }},
	} {
		cfg := DefaultConfig()
		cfg.URL = queuetest.StartRedis(b).URL()
		kind.set(&cfg)
		q := open(b, cfg)
		b.Run(kind.name+"/put", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				must(b,
					q.blobs.Put(b.Context(), q.blobs.newRef(newID(), "in"), image, 30*time.Second))
			}
		})
		ref := q.blobs.newRef(newID(), "in")
		must(b, q.blobs.Put(b.Context(), ref, image, time.Hour))
		b.Run(kind.name+"/get", func(b *testing.B) { benchGet(b, q, ref, len(image)) })
	}
	b.Run("spool", func(b *testing.B) {
		cfg := DefaultConfig()
		cfg.DataDir = benchDir(b)
		q := open(b, cfg)
		put := func() string {
			id := newID()
			must(b, q.durable.spool.Accept(id,
				spool.File{Image: image, Expires: time.Now().Add(time.Hour)}))
			return id
		}
		b.Run("put", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				put()
			}
		})
		ref := "spool:" + put() + ".in"
		b.Run("get", func(b *testing.B) { benchGet(b, q, ref, len(image)) })
	})
}

func benchGet(b *testing.B, q *Queue, ref string, size int) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		if got, err := q.read(b.Context(), ref); err != nil || len(got) != size {
			b.Fatal(len(got), err)
		}
	}
}

// BenchmarkLargeOptions follows a job whose options have a background of 4 MiB as base64, with an
// image of one byte: what is allocated is what its options cost.
func BenchmarkLargeOptions(b *testing.B) {
	r := Request{Image: []byte("x"), Options: "bg_image=" + strings.Repeat("x", 4<<20*4/3)}
	for _, kind := range []struct {
		name string
		set  func(c *Config)
	}{
		{"redis", func(c *Config) { c.URL = queuetest.StartRedis(b).URL() }},
		{"embedded", func(c *Config) { c.DataDir = benchDir(b) }},
	} {
		cfg := DefaultConfig()
		kind.set(&cfg)
		q := open(b, cfg)
		c := consumer(b, q)
		b.Run(kind.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				enqueue(b, q, r)
				j := claim(b, c)
				if j.Options != r.Options {
					b.Fatal(len(j.Options))
				}
				_, err := c.Input(b.Context(), j)
				must(b, err)
				must(b, c.Complete(b.Context(), j, r.Image, ""))
			}
		})
	}
}
