package proxy

import (
	"bytes"
	"context"
	"encoding/base64"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"bgremove/httpserver"
	"bgremove/imaging"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/option"
	"bgremove/queue"
)

// idleJobs is a queue that takes every job, says that it has succeeded, and keeps nothing.
type idleJobs struct{ output []byte }

func (idleJobs) Room(context.Context) error                              { return nil }
func (idleJobs) MaxTTL() time.Duration                                   { return time.Hour }
func (idleJobs) Repeated(context.Context, queue.Request) (string, error) { return "", nil }
func (idleJobs) Enqueue(context.Context, queue.Request) (string, error)  { return someID, nil }
func (idleJobs) Watch(string, bool) (<-chan struct{}, func())            { return nil, func() {} }
func (idleJobs) Pending(context.Context, int) ([]string, error)          { return nil, nil }
func (idleJobs) Input(context.Context, queue.Job) ([]byte, error) {
	return nil, queue.ErrNotFound
}
func (j idleJobs) Output(context.Context, queue.Job) ([]byte, error) { return j.output, nil }
func (idleJobs) Stats(context.Context) (queue.Stats, error) {
	return queue.Stats{}, nil
}
func (idleJobs) Rate(context.Context) (float64, error)     { return 0, nil }
func (idleJobs) MaxDepth() int                             { return 1 }
func (idleJobs) Cancel(context.Context, string) error      { return nil }
func (idleJobs) Requeue(context.Context, string) error     { return nil }
func (idleJobs) Delete(context.Context, string) error      { return nil }
func (idleJobs) Refund(context.Context, queue.Spent) error { return nil }
func (idleJobs) Job(context.Context, string) (queue.Job, error) {
	return queue.Job{ID: someID, State: queue.Succeeded, Result: workerSays}, nil
}

func (idleJobs) List(context.Context, queue.Filter, int, int64) ([]queue.Job, int64, error) {
	return nil, 0, nil
}

func (idleJobs) Spend(context.Context, string, int64, int64) (queue.Spent, error) {
	return queue.Spent{}, nil
}

// BenchmarkRequestWithBackground is a small picture with a bg_image of 4 MiB, in each way that it
// may come.
func BenchmarkRequestWithBackground(b *testing.B) {
	scene := imagingtest.File(b, "scene.png")
	background := grown(b, "scene.png", option.MaxBackgroundBytes)
	inForm, formType := form(b, scene, "bg_image", "?")
	inForm = strings.Replace(inForm, "name=\"bg_image\"\r\n\r\n?",
		"name=\"bg_image\"; filename=\"b.png\"\r\n\r\n"+background, 1)
	encode := base64.StdEncoding.EncodeToString
	inJSON := `{"image":"` + encode([]byte(scene)) + `","bg_image":"` +
		encode([]byte(background)) + `"}`
	for _, way := range []struct{ name, body, contentType string }{
		{"form", inForm, formType},
		{"JSON", inJSON, "application/json"},
	} {
		b.Run(way.name, func(b *testing.B) {
			requests(b, "/v1/jobs", way.body, way.contentType, http.StatusAccepted)
		})
	}
}

// BenchmarkRemovePhoto is what the proxy does for a photo of 12 megapixels and some 4 MiB.
func BenchmarkRemovePhoto(b *testing.B) {
	photo := grown(b, "jpeg-baseline.jpg", 4<<20)
	at := strings.Index(photo, "\xff\xc0") + len("\xff\xc0\x00\x11\x08")
	photo = photo[:at] + "\x0b\xb8\x0f\xa0" + photo[at+4:] // 3000 by 4000 px
	inForm, formType := form(b, photo)
	inJSON := `{"image":"` + base64.StdEncoding.EncodeToString([]byte(photo)) + `"}`
	for _, way := range []struct{ name, body, contentType string }{
		{"body", photo, "image/jpeg"},
		{"form", inForm, formType},
		{"JSON", inJSON, "application/json"},
	} {
		b.Run(way.name, func(b *testing.B) {
			requests(b, "/v1/remove", way.body, way.contentType, http.StatusOK)
		})
	}
}

// grown is a file of the test data with so many bytes: noise behind its end, which no decoder
// reads.
func grown(tb testing.TB, name string, size int) string {
	file := []byte(imagingtest.File(tb, name))
	noise := rand.NewChaCha8([32]byte{})
	tail := make([]byte, size-len(file))
	_, _ = noise.Read(tail)
	return string(append(file, tail...))
}

func requests(b *testing.B, path, body, contentType string, status int) {
	config := DefaultConfig()
	server, err := New(config, Parts{
		HTTP:   httpserver.DefaultConfig(),
		Limits: imaging.DefaultConfig().Limits(), Jobs: idleJobs{make([]byte, 4<<20)},
		Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Version: "test",
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, path,
			strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		w := &discarded{header: http.Header{}}
		server.Echo.ServeHTTP(w, r)
		if w.status != status {
			b.Fatal(w.status, w.begin.String())
		}
	}
}

// discarded is an answer of which nothing but its beginning is kept.
type discarded struct {
	header http.Header
	status int
	begin  bytes.Buffer
}

func (d *discarded) Header() http.Header    { return d.header }
func (d *discarded) WriteHeader(status int) { d.status = status }
func (d *discarded) Write(p []byte) (int, error) {
	if d.begin.Len() == 0 {
		d.begin.Write(p[:min(len(p), 512)])
	}
	return len(p), nil
}
