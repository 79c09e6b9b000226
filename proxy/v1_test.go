package proxy

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/proxy/v1"
	"bgremove/queue"
)

// TestV1 runs on every kind of queue, each test on a queue of its own.
func TestV1(t *testing.T) {
	suite := []struct {
		name string
		test func(*testing.T, queue.Config)
	}{
		{"ThreeWays", testThreeWays},
		{"BadRequests", testBadRequests},
		{"Life", testLife},
		{"PreferWait", testPreferWait},
		{"LongPoll", testLongPoll},
		{"MaxWaiting", testMaxWaiting},
		{"Idempotency", testIdempotency},
		{"CacheAnswersAtOnce", testCacheAnswersAtOnce},
		{"List", testList},
		{"Images", testImages},
		{"CancelAndDelete", testCancelAndDelete},
		{"Retry", testRetry},
		{"Refine", testRefine},
		{"Remove", testRemove},
		{"RemoveFails", testRemoveFails},
		{"Queue", testQueue},
		{"QueueFull", testQueueFull},
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

const someID = "00000000000000000000000000000000"

// workerSays is what a worker says of a result.
const workerSays = `{"content_type":"image/png","width":120,"height":90,"engine":"fast","bytes":7,"quality":{"confidence":0.5,"foreground_share":0.4,"box":{"x":1,"y":2,"width":3,"height":4},"border_contact":0,"components":1,"edge_contrast":0.3,"agreement":null,"certainty":0.9},"timings_ms":{"cut":1.5}}`

// finish does the next job's work.
func (ts *testServer) finish(t *testing.T, output string) {
	t.Helper()
	if err := ts.consumer.Complete(t.Context(), ts.claim(t), []byte(output),
		workerSays); err != nil {
		t.Fatal(err)
	}
}

// job is the job in an answer.
func (a answer) job(t *testing.T, status int) v1.Job {
	t.Helper()
	var j v1.Job
	if err := json.Unmarshal([]byte(a.body), &j); err != nil || a.status != status {
		t.Fatalf("got %d %s (%v), want %d and a job", a.status, a.body, err, status)
	}
	return j
}

// wantProblem fails the test unless the answer is this problem.
func (a answer) wantProblem(t *testing.T, status int, code string) v1.Problem {
	t.Helper()
	var p v1.Problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	if a.status != status || p.Status != status || p.Code != code ||
		a.header.Get("X-Error-Code") != code || p.Type != "about:blank" ||
		p.Title != http.StatusText(status) || p.Detail == "" ||
		p.RequestID != a.header.Get("X-Request-Id") ||
		a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("got %d %s with %v, want %d %s", a.status, a.body, a.header, status, code)
	}
	return p
}

// create submits the test's picture.
func (ts *testServer) create(t *testing.T, query string, headers ...string) answer {
	t.Helper()
	return ts.do(t, "POST", "/v1/jobs"+query, imagingtest.File(t, "scene.png"),
		append([]string{"Content-Type", "image/png"}, headers...)...)
}

func form(t testing.TB, image string, fields ...string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("image", "photo.png")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write([]byte(image)); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

// However a picture and its options are sent, they become the same job.
func testThreeWays(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	scene := imagingtest.File(t, "scene.png")
	inForm, formType := form(t, scene, "format", "webp", "quality", "70", "priority",
		"bulk", "ttl", "90")
	inJSON := `{"image":"` + base64.StdEncoding.EncodeToString([]byte(scene)) +
		`","format":"webp","quality":70,"priority":"bulk","ttl":90}`
	inURL := "format=webp&quality=70&priority=bulk&ttl=1.5m&image=" +
		url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(scene)))
	const query = "?format=webp&quality=70&priority=bulk&ttl=1.5m"
	// What is undocumented and yet taken is not held against the document.
	undocumented := &testServer{
		url: ts.url, http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	}
	for _, tc := range []struct {
		name, query, body, contentType string
		over                           *testServer
	}{
		{"body", query, scene, "image/png", ts},
		{"octets", query, scene, "application/octet-stream", ts},
		{"form", "", inForm, formType, ts},
		{"JSON", "?quality=71", inJSON, "application/json", ts},
		{"urlencoded form", "", inURL, "application/x-www-form-urlencoded", ts},
		{"untyped", query, scene, "", undocumented},
		{"as curl has it", query, scene, "application/x-www-form-urlencoded", undocumented},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.over.do(t, "POST", "/v1/jobs"+tc.query, tc.body, "Content-Type",
				tc.contentType)
			j := got.job(t, 202)
			if got.header.Get("Location") != "/v1/jobs/"+j.ID || j.State != queue.Queued ||
				j.Priority != "bulk" || j.Input.Width != 120 ||
				j.Input.ContentType != "image/png" || j.Input.Bytes != int64(len(scene)) ||
				j.Options["format"] != "webp" || j.Options["quality"] != "70" ||
				j.Options["ttl"] != "1m30s" {
				t.Errorf("%+v at %s", j, got.header.Get("Location"))
			}
			claimed := ts.claim(t)
			image, err := ts.consumer.Input(t.Context(), claimed)
			if err != nil || string(image) != scene || claimed.ID != j.ID ||
				claimed.Options != "format=webp&quality=70" {
				t.Errorf("claimed %+v with %d bytes, %v", claimed, len(image), err)
			}
		})
	}
}

func testBadRequests(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	scene := imagingtest.File(t, "scene.png")
	b64 := base64.StdEncoding.EncodeToString([]byte(scene))
	twoImages, formType := form(t, scene, "image", "again")
	unknownField, unknownType := form(t, scene, "Format", "webp")
	for _, tc := range []struct {
		name, method, path, contentType, body string
		status                                int
		code                                  string
	}{
		{"no image", "POST", "/v1/jobs", "", "", 422, "bad_body"},
		{"no image in JSON", "POST", "/v1/jobs", "application/json", `{}`, 422, "bad_body"},
		{"broken JSON", "POST", "/v1/jobs", "application/json", `{"image":`, 422, "bad_body"},
		{"not base64", "POST", "/v1/jobs", "application/json", `{"image":"%"}`, 422, "bad_body"},
		{"a text", "POST", "/v1/jobs", "text/plain", "hello", 415, "unsupported_media_type"},
		{"no image at all", "POST", "/v1/remove", "image/png", "hello", 415, "unsupported_format"},
		{"cut short", "POST", "/v1/jobs", "image/png", scene[:200], 422, "corrupt_image"},
		{"broken form", "POST", "/v1/jobs", "multipart/form-data", "x", 400, "bad_multipart"},
		{"two images", "POST", "/v1/jobs", formType, twoImages, 400, "multiple_images"},
		{
			"image and address", "POST", "/v1/jobs?image_url=http://x",
			"image/png", scene, 400, "multiple_images",
		},
		{
			"address", "POST", "/v1/jobs", "application/json",
			`{"image_url":"https://example.com/a.png"}`, 400, "urls_off",
		},
		{
			"callback", "POST", "/v1/jobs?callback_url=https://example.com",
			"image/png", scene, 400, "callbacks_off",
		},
		{"priority", "POST", "/v1/jobs?priority=urgent", "image/png", scene, 400, "bad_option"},
		{"ttl", "POST", "/v1/jobs?ttl=9999h", "image/png", scene, 400, "bad_option"},
		{"quality", "POST", "/v1/jobs", "application/json", `{"image":"` +
			b64 + `","quality":101}`, 400, "bad_option"},
		{"roi outside", "POST", "/v1/jobs?roi=0+0+121+90", "image/png", scene, 400, "bad_option"},
		{"query", "POST", "/v1/jobs?roi=%zz", "image/png", scene, 400, "bad_query"},
		{"wait", "POST", "/v1/remove?wait=2m", "image/png", scene, 400, "bad_option"},
		{"unknown option", "POST", "/v1/jobs?bg_colour=red", "image/png", scene, 400, "bad_option"},
		{
			"unknown option in JSON", "POST", "/v1/jobs", "application/json",
			`{"roi":"0 0 9 9","nested":{"roi":1},"image":"` + b64 + `"}`, 400, "bad_option",
		},
		{
			"unknown option of a form", "POST", "/v1/remove",
			unknownType, unknownField, 400, "bad_option",
		},
		{
			"query of refine", "POST", "/v1/jobs/x/refine?qualty=1",
			"application/json", "{}", 400, "bad_option",
		},
		{
			"address for refine", "POST", "/v1/jobs/x/refine",
			"application/json", `{"image_url":"http://x"}`, 400, "bad_option",
		},
		{
			"image for refine", "POST", "/v1/jobs/x/refine",
			"application/json", `{"image":"AAAA"}`, 400, "bad_option",
		},
		{"long option of refine", "POST", "/v1/jobs/x/refine", "application/json", `{"roi":"` +
			strings.Repeat(" ", 2000) + `"}`, 400, "bad_option"},
		{
			"unknown option of refine", "POST", "/v1/jobs/x/refine",
			"application/json", `{"roii":"0 0 9 9"}`, 400, "bad_option",
		},
		{
			"wait where Prefer is meant", "POST", "/v1/jobs?wait=3",
			"image/png", scene, 400, "bad_option",
		},
		{"unknown filter", "GET", "/v1/jobs?status=failed", "", "", 400, "bad_option"},
		{"unknown wait", "GET", "/v1/jobs/x?timeout=3", "", "", 400, "bad_option"},
		{"limit", "GET", "/v1/jobs?limit=201", "", "", 400, "bad_option"},
		{"state", "GET", "/v1/jobs?state=done", "", "", 400, "bad_option"},
		{"cursor", "GET", "/v1/jobs?cursor=!", "", "", 400, "bad_cursor"},
		{"unknown job", "GET", "/v1/jobs/" + someID, "", "", 404, "not_found"},
		{"unknown result", "GET", "/v1/jobs/x/result", "", "", 404, "not_found"},
		{"unknown events", "GET", "/v1/jobs/x/events", "", "", 404, "not_found"},
		{"delete unknown", "DELETE", "/v1/jobs/x", "", "", 404, "not_found"},
		{"retry unknown", "POST", "/v1/jobs/x/retry", "", "", 404, "not_found"},
		{"refine unknown", "POST", "/v1/jobs/x/refine", "application/json", "{}", 404, "not_found"},
		{
			"refine with a form", "POST", "/v1/jobs/x/refine",
			formType, twoImages, 415, "unsupported_media_type",
		},
		{"no such path", "GET", "/v1/nothing", "", "", 404, "not_found"},
		{"no such method", "PUT", "/v1/jobs", "", "", 405, "method_not_allowed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ts.do(t, tc.method, tc.path, tc.body, "Content-Type", tc.contentType).
				wantProblem(t, tc.status, tc.code)
		})
	}
	ts.create(t, "", "Idempotency-Key", "a b").wantProblem(t, 400, "bad_option")
	if s, err := ts.queue.Stats(t.Context()); err != nil || s.Counters["enqueued"] != 0 {
		t.Errorf("statistics are %+v, %v", s, err)
	}
}

func testIdempotency(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	first := ts.create(t, "", "Idempotency-Key", "k").job(t, 202)
	if again := ts.create(t, "", "Idempotency-Key", "k").job(t, 202); again.ID != first.ID {
		t.Errorf("jobs %s and %s", first.ID, again.ID)
	}
	ts.create(t, "?format=webp", "Idempotency-Key", "k").wantProblem(t, 409, "idempotency_conflict")
	ts.create(t, "?ttl=60", "Idempotency-Key", "k").wantProblem(t, 409, "idempotency_conflict")
	ts.finish(t, "cut-out")
	if again := ts.create(t, "", "Idempotency-Key", "k", "Prefer", "wait=1").
		job(t, 200); again.ID != first.ID || again.State != queue.Succeeded {
		t.Errorf("%+v", again)
	}
}

func testCacheAnswersAtOnce(t *testing.T, cfg queue.Config) {
	ts := startWith(t, cfg, func(c *Config) { c.Cache = true })
	first := ts.create(t, "").job(t, 202)
	ts.finish(t, "cut-out")
	second := ts.create(t, "").job(t, 202)
	if second.ID == first.ID || second.State != queue.Succeeded ||
		string(second.Result["cached"]) != "true" || second.TimingsMS != nil {
		t.Errorf("%+v", second)
	}
	ts.get(t, "/v1/jobs/"+second.ID+"/result").want(t, 200, "cut-out")
	if other := ts.create(t, "?format=webp").job(t, 202); other.State != queue.Queued {
		t.Errorf("%+v", other)
	}
}

func testList(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	var ids []string
	for range 5 {
		ids = append(ids, ts.create(t, "").job(t, 202).ID)
	}
	ts.finish(t, "x")
	var seen []string
	for cursor := ""; ; {
		var page struct {
			Jobs []v1.Job `json:"jobs"`
			Next string   `json:"next_cursor"`
		}
		got := ts.get(t, "/v1/jobs?limit=2&cursor="+cursor)
		if err := json.Unmarshal([]byte(got.body), &page); err != nil || got.status != 200 ||
			len(page.Jobs) > 2 {
			t.Fatalf("%d %s: %v", got.status, got.body, err)
		}
		for _, j := range page.Jobs {
			seen = append([]string{j.ID}, seen...)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if strings.Join(seen, " ") != strings.Join(ids, " ") {
		t.Errorf("listed %v of %v", seen, ids)
	}
	if got := ts.get(t, "/v1/jobs?state=succeeded"); strings.Count(got.body, `"state":`) != 1 ||
		!strings.Contains(got.body, ids[0]) {
		t.Errorf("succeeded: %s", got.body)
	}
	ts.get(t, "/v1/jobs?state=failed").want(t, 200, `{"jobs":[]}`)
}

func testImages(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	scene := imagingtest.File(t, "scene.png")
	id := ts.create(t, "?keep_input=true").job(t, 202).ID
	ts.get(t, "/v1/jobs/"+id+"/input").want(t, 200, strings.TrimSuffix(scene, "\n"))
	ts.finish(t, "cut-out")
	url := "/v1/jobs/" + id + "/result"
	got := ts.get(t, url)
	got.want(t, 200, "cut-out")
	tag := got.header.Get("ETag")
	if tag == "" || got.header.Get("Content-Type") != "image/png" ||
		got.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v", got.header)
	}
	ts.do(t, "GET", url, "", "If-None-Match", tag).want(t, 304, "")
	ts.do(t, "GET", url, "", "If-None-Match", `"other"`).want(t, 200, "cut-out")
	ts.do(t, "GET", url, "", "If-Match", `"other"`).want(t, 412, "")
	ts.do(t, "GET", url, "", "Range", "bytes=4-").want(t, 206, "out")
	if got := ts.do(t, "GET", url, "", "Range", "bytes=9-"); got.status != 416 {
		t.Errorf("%+v", got)
	}
	ts.do(t, "HEAD", url, "").want(t, 200, "")
	if got := ts.get(t, "/v1/jobs/"+id+"/input"); got.status != 200 ||
		got.body != strings.TrimSuffix(scene, "\n") || got.header.Get("ETag") == tag {
		t.Errorf("%d %v", got.status, got.header)
	}

	other := ts.create(t, "").job(t, 202).ID
	ts.finish(t, "x")
	ts.get(t, "/v1/jobs/"+other+"/input").wantProblem(t, 410, "input_expired")
	ts.create(t, "")
	ts.fail(t, ts.claim(t), false, queue.Failed)
	failed := ts.get(t, "/v1/jobs?state=failed")
	failedID := regexp.MustCompile(`[0-9a-f]{32}`).FindString(failed.body)
	if p := ts.get(t, "/v1/jobs/"+failedID+"/result").
		wantProblem(t, 409, "no_result"); !strings.Contains(p.Detail, "corrupt_image") {
		t.Errorf("%+v", p)
	}
}

func testCancelAndDelete(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	id := ts.create(t, "").job(t, 202).ID
	if j := ts.do(t, "DELETE", "/v1/jobs/"+id, "").job(t, 200); j.State != queue.Cancelled ||
		j.Error == nil || j.Error.Code != "cancelled" {
		t.Errorf("%+v", j)
	}
	ts.do(t, "DELETE", "/v1/jobs/"+id, "").want(t, 204, "")
	ts.get(t, "/v1/jobs/"+id).wantProblem(t, 404, "not_found")

	id = ts.create(t, "").job(t, 202).ID
	ts.finish(t, "x")
	ts.do(t, "DELETE", "/v1/jobs/"+id, "").want(t, 204, "")
	ts.get(t, "/v1/jobs/"+id+"/result").wantProblem(t, 404, "not_found")
}

func testRetry(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	id := ts.create(t, "").job(t, 202).ID
	ts.do(t, "POST", "/v1/jobs/"+id+"/retry", "").wantProblem(t, 409, "wrong_state")
	ts.fail(t, ts.claim(t), false, queue.Failed)
	got := ts.do(t, "POST", "/v1/jobs/"+id+"/retry", "")
	if j := got.job(t, 202); j.State != queue.Queued || j.Error != nil ||
		got.header.Get("Location") != "/v1/jobs/"+id {
		t.Errorf("%+v", j)
	}
	ts.finish(t, "x")
	ts.get(t, "/v1/jobs/"+id+"/result").want(t, 200, "x")
}

func testQueue(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	ts.create(t, "")
	ts.create(t, "?priority=bulk")
	ts.claim(t)
	got := ts.get(t, "/v1/queue")
	var out map[string]any
	if err := json.Unmarshal([]byte(got.body), &out); err != nil || got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if out["running"] != 1.0 || out["max_depth"] != 10000.0 ||
		out["queued"].(map[string]any)["bulk"] != 1.0 {
		t.Errorf("%s", got.body)
	}
}

func testQueueFull(t *testing.T, cfg queue.Config) {
	cfg.MaxDepth = 1
	ts := start(t, cfg)
	ts.create(t, "")
	got := ts.create(t, "")
	got.wantProblem(t, 429, "queue_full")
	if !regexp.MustCompile(`^[1-9]\d*$`).MatchString(got.header.Get("Retry-After")) {
		t.Errorf("Retry-After: %q", got.header.Get("Retry-After"))
	}
	if metrics := ts.get(t, "/metrics").body; !strings.Contains(metrics, `event="rejected"} 1`) {
		t.Error("the refusal is not counted")
	}
}
