package predict

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"bgremove/imaging"
	"bgremove/imaging/codec"
	"bgremove/imaging/imagingtest"
)

// form is a multipart body of name, value pairs; image and file are sent as files.
func form(t *testing.T, pairs ...string) (contentType, body string) {
	t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for i := 0; i < len(pairs); i += 2 {
		var part io.Writer
		var err error
		if pairs[i] == "image" || pairs[i] == "file" {
			part, err = w.CreateFormFile(pairs[i], "../../a.png")
		} else {
			part, err = w.CreateFormField(pairs[i])
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(part, pairs[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), buf.String()
}

// engines is the JSON list of the engines of this build.
func engines(t *testing.T) string {
	t.Helper()
	r, err := imaging.New(testImaging())
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(r.Engines())
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestSeedRoutes(t *testing.T) {
	ts := start(t, nil, testConfig())
	for path, want := range map[string]string{
		"/":         `"Hello API Server!\n"`,
		"/health":   `{"health":"ok"}`,
		"/metadata": `{"status":"ok","version":"v0","engine":"fast","engines":` + engines(t) + `,"channels":["rgba","alpha"],"formats":["auto","png","jpg","webp","zip"],"limits":{"max_bytes":1048576,"max_pixels":50000000},"slots":2}`,
		"/livez":    `{"status":"ok"}`,
		"/readyz":   `{"status":"ok","checks":{"predictor":"ok"}}`,
	} {
		got := ts.do(t, "GET", path, "", nil)
		if got.status != 200 || strings.TrimSpace(string(got.body)) != want {
			t.Errorf("%s: %d %s, want %s", path, got.status, got.body, want)
		}
	}
	if got := ts.do(t, "GET", "/metrics", "", nil); !bytes.Contains(got.body,
		[]byte("bgremove_predict_slots 2")) {
		t.Errorf("/metrics: %s", got.body)
	}
}

func TestPredictJSON(t *testing.T) {
	ts := start(t, nil, testConfig())
	scene := base64.StdEncoding.EncodeToString([]byte(imagingtest.File(t, "scene.png")))
	want := sceneSize(t)
	for name, tc := range map[string]struct{ contentType, path, body string }{
		"seed client": {"application/json", "/predict", `{"image":"` + scene + `"}`},
		"charset": {
			"application/json; charset=utf-8", "/predict", `{"image":"` + scene + `"}`,
		},
		"no Content-Type": {"", "/predict", "\n{\"image\":\"" + scene + `"}`},
		"data URL": {
			"application/json", "/predict", `{"image":"data:image/png;base64,` + scene + `"}`,
		},
		"option in body": {"application/json", "/predict", `{"image":"` +
			scene + `","roi":"5% 5% 95% 95%","engine":null}`},
		"option in query": {
			"application/json", "/predict?roi=5%25+5%25+95%25+95%25&engine=fast",
			`{"image":"` + scene + `","roi":""}`,
		},
		"trailing slash": {"application/json", "/predict/", `{"image":"` + scene + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := ts.do(t, "POST", tc.path, tc.contentType, strings.NewReader(tc.body))
			var out struct {
				Status string `json:"status"`
				Image  []byte `json:"img_none_bg_base64"`
			}
			if err := json.Unmarshal(got.body, &out); err != nil || got.status != 200 ||
				out.Status != "ok" {
				t.Fatalf("%d %.100s: %v", got.status, got.body, err)
			}
			if got.header.Get("Content-Type") != "application/json" {
				t.Error(got.header)
			}
			checkPNG(t, out.Image, want.Width, want.Height)
		})
	}
}

func TestPredictRaw(t *testing.T) {
	ts := start(t, nil, testConfig())
	scene, want := imagingtest.File(t, "scene.png"), sceneSize(t)
	imageType, imageForm := form(t, "image", scene)
	fileType, fileForm := form(t, "other", "x", "channels", "alpha", "file", scene, "roi",
		"5% 5% 95% 95%")
	for name, tc := range map[string]struct{ contentType, path, body string }{
		"image type":          {"image/png", "/predict", scene},
		"other image type":    {"image/jpeg", "/predict", scene},
		"bytes":               {"application/octet-stream", "/predict?channels=alpha", scene},
		"no Content-Type":     {"", "/predict", scene},
		"form image":          {imageType, "/predict?roi=5%25+5%25+95%25+95%25", imageForm},
		"form file, options":  {fileType, "/predict", fileForm},
		"empty means default": {"image/png", "/predict?roi=&engine=&channels=", scene},
	} {
		t.Run(name, func(t *testing.T) {
			got := ts.do(t, "POST", tc.path, tc.contentType, strings.NewReader(tc.body))
			if got.status != 200 || got.header.Get("Content-Type") != "image/png" ||
				got.header.Get("X-Engine") != "fast" {
				t.Fatalf("%d %v %.100s", got.status, got.header, got.body)
			}
			checkPNG(t, got.body, want.Width, want.Height)
		})
	}
}

func sceneSize(t *testing.T) codec.Info {
	t.Helper()
	info, err := codec.Inspect([]byte(imagingtest.File(t, "scene.png")), testImaging().Limits())
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestLargestImageFitsBody(t *testing.T) {
	largest := bytes.Repeat([]byte{'x'}, int(testImaging().Limits().MaxBytes))
	ts := start(t,
		fakeRemover{remove: func(_ context.Context, data []byte) (imaging.Result, error) {
			return imaging.Result{Data: data, ContentType: "image/png"}, nil
		}}, testConfig())
	encoded := base64.StdEncoding.EncodeToString(largest)
	var lines strings.Builder // as `base64` prints it
	for line := range chunks(encoded, 76) {
		lines.WriteString(line + `\n`)
	}
	got := ts.do(t, "POST", "/predict", "application/json",
		strings.NewReader(`{"image":"`+lines.String()+`"}`))
	if want := `{"status":"ok","img_none_bg_base64":"` + encoded + `"}` + "\n"; got.status != 200 ||
		string(got.body) != want {
		t.Errorf("%d %.100s", got.status, got.body)
	}
}

func chunks(s string, n int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for len(s) > 0 {
			size := min(n, len(s))
			if !yield(s[:size]) {
				return
			}
			s = s[size:]
		}
	}
}

func TestServerBusy(t *testing.T) {
	g := newGate()
	cfg := testConfig()
	cfg.Slots, cfg.MaxWait = 1, 0
	ts := start(t, g.remover(), cfg)
	first := call(t.Context(), ts.predictor, "first")
	<-g.entered
	got := ts.do(t, "POST", "/predict", "image/png", strings.NewReader("second"))
	if got.status != 503 || got.header.Get("Retry-After") != "2" ||
		got.header.Get("X-Error-Code") != "busy" {
		t.Errorf("%d %v %s", got.status, got.header, got.body)
	}
	if got := ts.do(t, "GET", "/health", "", nil); got.status != 200 {
		t.Errorf("health waits for a slot: %d", got.status)
	}
	g.release <- nil
	if err := <-first; err != nil {
		t.Error(err)
	}
}

func TestServerHidesInternals(t *testing.T) {
	ts := start(t, fakeRemover{
		remove: func(context.Context, []byte) (imaging.Result, error) { panic("secret") },
	}, testConfig())
	got := ts.do(t, "POST", "/predict", "image/png", strings.NewReader("x"))
	if got.status != http.StatusInternalServerError ||
		strings.TrimSpace(string(got.body)) != `{"detail":"The prediction failed"}` {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestUnhealthyOnceDrained(t *testing.T) {
	ts := start(t, nil, testConfig())
	if err := ts.predictor.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/health", "/readyz"} {
		if got := ts.do(t, "GET", path, "", nil); got.status != 503 {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}
