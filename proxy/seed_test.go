package proxy

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"bgremove/imaging"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
	"bgremove/queue"
	"bgremove/queue/queuetest"
)

// TestSeed runs on every kind of queue, each test on a queue of its own.
func TestSeed(t *testing.T) {
	suite := []struct {
		name string
		test func(*testing.T, queue.Config)
	}{
		{"Hello", testHello},
		{"StartJob", testStartJob},
		{"Options", testOptions},
		{"Quality", testQuality},
		{"States", testStates},
		{"UnknownIDs", testUnknownIDs},
		{"Metadata", testMetadata},
		{"Expiry", testExpiry},
		{"EachItsOwnImages", testEachItsOwnImages},
		{"Full", testFull},
		{"Metrics", testMetrics},
	}
	for _, kind := range []struct {
		name   string
		config func(t *testing.T) queue.Config
	}{
		{"embedded", embedded},
		{"redis", external},
	} {
		t.Run(kind.name, func(t *testing.T) {
			cfg := kind.config(t)
			for _, s := range suite {
				t.Run(s.name, func(t *testing.T) {
					cfg := cfg
					cfg.Name, cfg.DataDir = s.name, t.TempDir()
					s.test(t, cfg)
				})
			}
		})
	}
}

// external is a queue on a redis-server of the test's own.
func external(t *testing.T) queue.Config {
	t.Helper()
	cfg := embedded(t)
	cfg.URL = queuetest.StartRedis(t).URL()
	return cfg
}

func testHello(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	ts.get(t, "/").want(t, 200, `"Hello Proxy Server!\n"`)
	ts.do(t, "GET", "/", "", "Accept", "application/json").want(t, 200, `"Hello Proxy Server!\n"`)
	ts.get(t, "/health").want(t, 200, `{"status":"ok"}`)
	ts.get(t, "/livez").want(t, 200, `{"status":"ok"}`)
	ts.get(t, "/readyz").want(t, 200, `{"status":"ok","checks":{"queue":"ok"}}`)

	got := ts.do(t, "GET", "/", "", "Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	if got.status != 200 || !strings.HasPrefix(got.body, "<!doctype html>") {
		t.Errorf("got %d %.100s, want the page", got.status, got.body)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=UTF-8", "Vary": "Accept",
		"X-Content-Type-Options": "nosniff",
	} {
		if got.header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.header.Get(name), want)
		}
	}
	if csp := got.header.Get(
		"Content-Security-Policy",
	); !strings.HasPrefix(csp, "default-src 'none';") || strings.Contains(csp, "http") {
		t.Errorf("Content-Security-Policy: %q", csp)
	}
}

func testStartJob(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	scene := imagingtest.File(t, "scene.png")
	encoded := base64.StdEncoding.EncodeToString([]byte(scene))
	bare := strings.TrimRight(
		base64.StdEncoding.EncodeToString([]byte(imagingtest.File(t, "one-colour.png"))), "=")
	for _, tc := range []struct{ name, body, contentType, image string }{
		{"plain", `{"image":"` + encoded + `"}`, "application/json", scene},
		{"data URL", `{"image":"data:image/png;base64,` +
			encoded + `"}`, "application/json", scene},
		{"unpadded", `{"image":"` + bare + `"}`, "application/json", imagingtest.File(t,
			"one-colour.png")},
		{"further fields", `{"image":"` + encoded + `","name":[{}]}`, "application/json", scene},
		{"no type", `{"image":"` + encoded + `"}`, "", scene},
		{"another type", `{"image":"` + encoded + `"}`, "text/plain", scene},
	} {
		t.Run(tc.name, func(t *testing.T) {
			id := startedID(t,
				ts.do(t, "POST", "/start_job", tc.body, "Content-Type", tc.contentType))
			if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(id) {
				t.Errorf("the id %q is not 128 bits in hex", id)
			}
			j := ts.claim(t)
			if image, err := ts.consumer.Input(t.Context(), j); j.ID != id || err != nil ||
				string(image) != tc.image {
				t.Errorf("claimed %s with %d bytes, %v; want %s with %d",
					j.ID, len(image), err, id, len(tc.image))
			}
		})
	}
}

// Options are queued in one form, whatever form they came in.
func testOptions(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	mask := imagingtest.File(t, "mask.png")
	id := startedID(t, ts.do(t, "POST", "/start_job",
		strings.TrimSuffix(imageJSON(imagingtest.File(t, "scene.png")), "}")+
			`,"strokes":[{"label":"drop","radius":8,"points":[[1,2],[3.0,4]]}],"quality":80,"format":"jpeg","bg_color":"White","roi":"","engine":null,
		"mask":"data:image/png;base64,`+base64.StdEncoding.EncodeToString([]byte(mask))+`"}`))
	j := ts.claim(t)
	values, err := url.ParseQuery(j.Options)
	if err != nil || j.ID != id {
		t.Fatal(j.ID, err)
	}
	got, err := option.Parse(values.Get)
	want := option.Options{
		Mask: []byte(mask), Format: option.OutputJPEG, Quality: 80,
		Background: &option.Colour{R: 255, G: 255, B: 255},
		Strokes: []picture.Stroke{
			{Radius: 8, Points: []picture.Point{{X: 1, Y: 2}, {X: 3, Y: 4}}},
		},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func testQuality(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	scene := imagingtest.File(t, "scene.png")
	text, err := json.Marshal(imaging.Quality{
		Confidence: .9, ForegroundShare: .25,
		Box: imaging.Box{X: 1, Y: 2, Width: 3, Height: 4}, Components: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	quality := string(text)
	for result, want := range map[string]string{
		`{"width":3,"quality":` + quality + `}`: `,"quality":` + quality,
		`{"width":3}`:                           "", // of a version that measured none
		``:                                      "",
		`{"quality":{"confidence":"high"}}`:     "",
	} {
		id := ts.startJob(t, scene)
		if err := ts.consumer.Complete(t.Context(), ts.claim(t), []byte("PNG"),
			result); err != nil {
			t.Fatal(err)
		}
		ts.get(t, "/get_job/"+id).
			want(t, 200, strings.TrimSuffix(ok(id, scene, "PNG"), "}")+want+"}")
	}
}

// ng is get_job's answer without images.
func ng(id, jobStatus, rest string) string {
	return fmt.Sprintf(
		`{"status":"ng","job_id":%q,"job_status":%s,"img_in_base64":null,"img_out_base64":null%s}`,
		id, jobStatus, rest)
}

// ok is get_job's answer with both images.
func ok(id, in, out string) string {
	enc := base64.StdEncoding.EncodeToString
	return fmt.Sprintf(
		`{"status":"ok","job_id":%q,"job_status":"SUCCEED","img_in_base64":%q,"img_out_base64":%q}`,
		id, enc([]byte(in)), enc([]byte(out)))
}

func testStates(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	scene, cutOut := imagingtest.File(t, "jpeg-baseline.jpg"), imagingtest.File(t, "png-rgba.png")
	running := func(id string) {
		t.Helper()
		ts.get(t, "/get_job/"+id).want(t, 200, ng(id, `"RUNNING"`, ""))
	}
	succeeds := ts.startJob(t, scene)
	running(succeeds) // queued
	j := ts.claim(t)
	running(succeeds)
	ts.fail(t, j, true, queue.Retrying)
	running(succeeds)
	ts.complete(t, ts.claim(t), cutOut)
	ts.get(t, "/get_job/"+succeeds).want(t, 200, ok(succeeds, scene, cutOut))
	ts.get(t, "/get_job/"+succeeds+"/").want(t, 200, ok(succeeds, scene, cutOut))

	fails := ts.startJob(t, scene)
	ts.fail(t, ts.claim(t), false, queue.Failed)
	ts.get(t, "/get_job/"+fails).want(t, 200,
		ng(fails, `"FAILED"`, `,"detail":"corrupt_image: png: corrupt image: cut short"`))

	cancelled := ts.startJob(t, scene)
	if err := ts.queue.Cancel(t.Context(), cancelled); err != nil {
		t.Fatal(err)
	}
	ts.get(t, "/get_job/"+cancelled).
		want(t, 200, ng(cancelled, `"FAILED"`, `,"detail":"cancelled: cancelled by request"`))
}

func testUnknownIDs(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	known := ts.startJob(t, imagingtest.File(t, "scene.png"))
	for _, id := range []string{
		"0", strings.Repeat("0", 32), strings.ToUpper(known), known + "0", known[1:], " ", "*",
		"..", "../" + known, "a/b", "\x00", "\r\nX: y",
		"%", "%2F", "'; DROP TABLE jobs; --", "{bg:default}:lease", "絵\u202e🖼", "\xff\xfe",
		strings.Repeat("x", 10_000), "<script>", `"`, "\\",
	} {
		got := ts.get(t, "/get_job/"+url.PathEscape(id))
		var out struct {
			Status, Detail string
			JobID          *string `json:"job_id"`
			JobStatus      any     `json:"job_status"`
		}
		if err := json.Unmarshal([]byte(got.body), &out); err != nil || out.JobID == nil ||
			len(*out.JobID) > 100 {
			t.Errorf("%.40q: %v in %.300q", id, err, got.body)
			continue
		}
		if got.status != 404 || out.Status != "ng" || out.JobStatus != nil ||
			out.Detail != "Job not found" || got.header.Get("X-Error-Code") != "not_found" {
			t.Errorf("%.40q: got %d %s", id, got.status, got.body)
		}
	}
	unknown := strings.Repeat("0", 32)
	ts.get(t, "/get_job/"+unknown).want(t, 404, ng(unknown, "null", `,"detail":"Job not found"`))
	ts.get(t, "/get_job/a/b").want(t, 404, ng("a/b", "null", `,"detail":"Job not found"`))
	ts.get(t, "/get_job/").want(t, 404, `{"detail":"Not Found"}`)
}

func testMetadata(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	ts.get(t, "/metadata").want(t, 200, `{"status":"ok","jobs":{},"job_id_redis":[]}`)
	scene := imagingtest.File(t, "scene.png")
	done, failed, running := ts.startJob(t, scene), ts.startJob(t, scene), ts.startJob(t, scene)
	ts.complete(t, ts.claim(t), scene)
	ts.fail(t, ts.claim(t), false, queue.Failed)
	ts.claim(t)
	waiting := []string{ts.startJob(t, scene), ts.startJob(t, scene)}

	type jobSummary struct {
		ID     string `json:"job_id"`
		Status string `json:"job_status"`
	}
	want := map[string]jobSummary{
		done: {done, "SUCCEED"}, failed: {failed, "FAILED"}, running: {running, "RUNNING"},
		waiting[0]: {waiting[0], "RUNNING"}, waiting[1]: {waiting[1], "RUNNING"},
	}
	got := ts.get(t, "/metadata")
	var out struct {
		Status  string
		Jobs    map[string]jobSummary
		Pending []string `json:"job_id_redis"`
	}
	if err := json.Unmarshal([]byte(got.body), &out); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(out.Jobs) != fmt.Sprint(want) || fmt.Sprint(out.Pending) != fmt.Sprint(waiting) {
		t.Errorf("got %s", got.body)
	}
	if len(got.body) > 1000 {
		t.Errorf("%d bytes for five jobs: more than their ids and states", len(got.body))
	}
}

func testExpiry(t *testing.T, cfg queue.Config) {
	cfg.ResultTTL, cfg.Deadline, cfg.GoneTTL = time.Second, time.Second, 3*time.Second
	ts := start(t, cfg)
	scene := imagingtest.File(t, "scene.png")
	done := ts.startJob(t, scene)
	ts.complete(t, ts.claim(t), scene)
	late := ts.startJob(t, scene)
	eventually(t, "the result to expire",
		func() bool { return ts.get(t, "/get_job/"+done).status == 410 })
	eventually(t, "the deadline to pass", func() bool {
		// Expired jobs are found by those who look for work. What they get before is given back.
		jobs, _, err := ts.consumer.Claim(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range jobs {
			if err := ts.consumer.Release(t.Context(), j); err != nil {
				t.Fatal(err)
			}
		}
		return len(jobs) == 0
	})
	ts.get(t, "/get_job/"+late).
		want(t, 200, ng(late, `"FAILED"`, `,"detail":"deadline: not started before its deadline"`))
}

// A result's image goes a moment before its job does.
func TestResultGoneBeforeItsJob(t *testing.T) {
	cfg := embedded(t)
	ts := start(t, cfg)
	scene := imagingtest.File(t, "scene.png")
	remove := func(id, kind string) {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(cfg.DataDir, "spool", kind, "*", id))
		if err != nil || len(files) != 1 {
			t.Fatalf("%v, %v", files, err)
		}
		if err := os.Remove(files[0]); err != nil {
			t.Fatal(err)
		}
	}
	id := ts.startJob(t, scene)
	ts.complete(t, ts.claim(t), "PNG")
	remove(id, "job")
	ts.get(t, "/get_job/"+id).want(t, 200,
		strings.Replace(ok(id, "", "PNG"), `"img_in_base64":""`, `"img_in_base64":null`, 1))
	remove(id, "res")
	ts.get(t, "/get_job/"+id).want(t, 410, ng(id, "null", `,"detail":"The result has expired"`))
}

// In the seed, a job could be claimed before its image was stored, and get the result of another.
func testEachItsOwnImages(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	names := []string{
		"scene.png", "jpeg-baseline.jpg", "webp-lossy.webp",
		"gif-plain.gif", "bmp-rgb.bmp", "tiff-rgb.tif", "pnm-p6.ppm",
	}
	const rounds = 3
	cutOut := func(image string) string { return "cut-out of " + image }
	worked := make(chan error, 1)
	go func() { worked <- ts.work(t.Context(), rounds*len(names), cutOut) }()
	ids := map[string]string{} // → the image
	for range rounds {
		for _, name := range names {
			image := imagingtest.File(t, name)
			ids[ts.startJob(t, image)] = image
		}
	}
	if err := <-worked; err != nil {
		t.Fatal(err)
	}
	if len(ids) != rounds*len(names) {
		t.Errorf("%d ids for %d jobs", len(ids), rounds*len(names))
	}
	for id, image := range ids {
		ts.get(t, "/get_job/"+id).want(t, 200, ok(id, image, cutOut(image)))
	}
}

// In the seed, jobs lived in the proxy: a restart lost them, and a second proxy did not know them.
func TestProxiesShareJobs(t *testing.T) {
	cfg := external(t)
	one, two := start(t, cfg), start(t, cfg)
	scene := imagingtest.File(t, "scene.png")
	id := one.startJob(t, scene)
	two.get(t, "/get_job/"+id).want(t, 200, ng(id, `"RUNNING"`, ""))
	two.complete(t, two.claim(t), "PNG")
	one.get(t, "/get_job/"+id).want(t, 200, ok(id, scene, "PNG"))
	start(t, cfg).get(t, "/get_job/"+id).want(t, 200, ok(id, scene, "PNG"))
}

func testFull(t *testing.T, cfg queue.Config) {
	cfg.MaxDepth = 2
	ts := start(t, cfg)
	scene := imagingtest.File(t, "scene.png")
	ts.startJob(t, scene)
	ts.startJob(t, scene)
	got := ts.do(t, "POST", "/start_job", imageJSON(scene))
	got.want(t, 429, `{"detail":"queue full: 2 jobs wait, the limit is 2"}`)
	if got.header.Get("Retry-After") != "30" || got.header.Get("X-Error-Code") != "queue_full" {
		t.Errorf("headers %v", got.header)
	}
	ts.complete(t, ts.claim(t), scene)
	ts.startJob(t, scene)
}

func testMetrics(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	ts.startJob(t, imagingtest.File(t, "scene.png"))
	ts.get(t, "/get_job/unknown")
	got := ts.get(t, "/metrics")
	for _, line := range []string{
		`bgremove_proxy_http_requests_total{code="200",method="POST",route="/start_job"} 1`,
		`bgremove_proxy_http_requests_total{code="404",method="GET",route="/get_job/:id"} 1`,
		`bgremove_queue_up 1`,
		`bgremove_queue_jobs{where="queued_normal"} 1`,
		`bgremove_queue_events_total{event="enqueued"} 1`,
	} {
		if !strings.Contains(got.body, line+"\n") {
			t.Errorf("no %s in\n%s", line, got.body)
		}
	}
}

func TestRedisStopped(t *testing.T) {
	redis := queuetest.StartRedis(t)
	cfg := embedded(t)
	cfg.URL = redis.URL()
	ts := start(t, cfg)
	id := ts.startJob(t, imagingtest.File(t, "scene.png"))
	redis.Stop()
	ts.get(t, "/readyz").
		want(t, 503, `{"status":"unavailable","checks":{"queue":"The queue cannot be reached"}}`)
	ts.get(t, "/livez").want(t, 200, `{"status":"ok"}`)
	ts.get(t, "/health").want(t, 200, `{"status":"ok"}`)
	for _, ask := range []func() answer{
		func() answer {
			return ts.do(t, "POST", "/start_job", imageJSON(imagingtest.File(t, "scene.png")))
		},
		func() answer { return ts.get(t, "/get_job/"+id) },
		func() answer { return ts.get(t, "/metadata") },
	} {
		begun := time.Now()
		got := ask()
		got.want(t, 503, `{"detail":"The queue cannot be reached"}`)
		if got.header.Get("Retry-After") != "5" ||
			got.header.Get("X-Error-Code") != "queue_unavailable" {
			t.Errorf("headers %v", got.header)
		}
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("answered after %v", took)
		}
	}
	redis.Restart(t)
	eventually(t, "readiness", func() bool { return ts.get(t, "/readyz").status == 200 })
	ts.startJob(t, imagingtest.File(t, "scene.png"))
}
