package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	_ "image/jpeg" // the seed's pictures
	"image/png"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bgremove/proxy/openapi/openapitest"
	"bgremove/queue/queuetest"
)

func (b binary) testSeedClientAll(t *testing.T) {
	seedClientRuns(t, b.serve(t, "all").url(t, "proxy"))
}

func (b binary) testSeedClientParts(t *testing.T) {
	redis := "--queue-url=" + queuetest.StartRedis(t).URL()
	proxy := b.serve(t, "proxy", redis)
	predict := b.serve(t, "predict")
	batch := b.serve(t, "batch", redis, "--predict-url="+predict.url(t, "predict"))
	seedClientRuns(t, proxy.url(t, "proxy"))
	for _, p := range []*process{proxy, batch, predict} {
		p.stop(t)
	}
}

func seedClientRuns(t *testing.T, proxy string) {
	t.Helper()
	files, err := filepath.Glob("../../../shared/eval/seed/*.jpg")
	if err != nil || len(files) == 0 { // a copy of the repository alone
		files = []string{"../../testdata/jpeg-baseline.jpg", "../../testdata/png-rgba16.png"}
	}
	scene := "../../testdata/scene.png"
	files = append(files, scene)
	out := t.TempDir()
	seedClient(t, proxy, files, out, 100*time.Millisecond)
	for _, file := range files {
		wantCutOut(t, filepath.Join(out, pngName(file)), decode(t, file).Bounds())
	}
	if v := iou(alpha(decode(t, filepath.Join(out, pngName(scene)))), alpha(mask(t))); v < .9 {
		t.Errorf("the scene's cut-out has an IoU of %.3f with the true mask, want .9 or more", v)
	}
}

// seedClient does what the client of the tutorial does that bgremove grew from, request by request;
// that one polls once a second.
func seedClient(t *testing.T, proxy string, files []string, out string, every time.Duration) {
	t.Helper()
	var health, metadata struct{ Status string }
	getJSON(t, proxy+"/health", &health)
	getJSON(t, proxy+"/metadata", &metadata)
	if health.Status != "ok" || metadata.Status != "ok" {
		t.Errorf("health is %q, metadata %q, want ok", health.Status, metadata.Status)
	}
	for _, file := range files {
		id := startJob(t, proxy, encode(t, decode(t, file)))
		var job struct {
			Status string
			Out    []byte `json:"img_out_base64"`
		}
		tick := time.NewTicker(every)
		eventually(t, "the result of "+file, func() bool {
			<-tick.C
			getJSON(t, proxy+"/get_job/"+id, &job)
			return job.Status == "ok"
		})
		tick.Stop()
		if err := os.WriteFile(filepath.Join(out, pngName(file)), job.Out, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func pngName(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)) + ".png"
}

// startJob submits a picture to a proxy and returns the job's id.
func startJob(t *testing.T, proxy string, picture []byte) string {
	t.Helper()
	body, err := json.Marshal(map[string][]byte{"image": picture})
	if err != nil {
		t.Fatal(err)
	}
	var job struct {
		Status    string
		ID        string `json:"job_id"`
		JobStatus string `json:"job_status"`
	}
	request(t, http.MethodPost, proxy+"/start_job", bytes.NewReader(body), &job)
	if job.Status != "ok" || job.ID == "" || job.JobStatus != "RUNNING" {
		t.Fatalf("start_job answered %+v", job)
	}
	return job.ID
}

var (
	spec    = openapitest.New()
	proxies sync.Map // their addresses, as process.url gives them
)

func getJSON(t *testing.T, url string, answer any) {
	t.Helper()
	request(t, http.MethodGet, url, nil, answer)
}

// request expects a 200.
func request(t *testing.T, method, url string, body io.Reader, answer any) {
	t.Helper()
	status, data, err := fetch(t, method, url, body)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d, %.300s", status, data)
	}
	if err == nil {
		err = json.Unmarshal(data, answer)
	}
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
}

// fetch makes one request over a connection of its own. What a proxy answers is
// held against openapi.yaml.
func fetch(t *testing.T, method, url string, body io.Reader) (status int, data []byte, err error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{
		Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second,
	}
	if _, ok := proxies.Load("http://" + req.URL.Host); ok {
		client.Transport = spec.Transport(t, client.Transport)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	data, err = io.ReadAll(resp.Body)
	return resp.StatusCode, data, errors.Join(err, resp.Body.Close())
}

// metric reads one sample of a server's metrics.
func metric(t *testing.T, server, name string) string {
	t.Helper()
	_, data, err := fetch(t, http.MethodGet, server+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("no metric %s", name)
	return ""
}

func decode(t *testing.T, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, _, err := image.Decode(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return m
}

func encode(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// scaled is the scene of testdata, which is 120 × 90 pixels, in another size.
func scaled(t *testing.T, width, height int) []byte {
	t.Helper()
	scene := decode(t, "../../testdata/scene.png")
	size := scene.Bounds().Size()
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.Set(x, y, scene.At(x*size.X/width, y*size.Y/height))
		}
	}
	return encode(t, m)
}

// mask is the true one of the scene, as its alpha.
func mask(t *testing.T) image.Image {
	t.Helper()
	grey := decode(t, "../../testdata/mask.png")
	m := image.NewAlpha(grey.Bounds())
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			m.SetAlpha(x, y, color.Alpha{A: color.GrayModel.Convert(grey.At(x, y)).(color.Gray).Y})
		}
	}
	return m
}

// wantCutOut checks what must hold for any picture with something in its middle.
func wantCutOut(t *testing.T, path string, bounds image.Rectangle) {
	t.Helper()
	m := decode(t, path)
	cutOut, ok := m.(*image.NRGBA)
	if !ok || cutOut.Rect != bounds {
		t.Fatalf("%s is a %T of %v, want 8-bit RGBA of %v", path, m, m.Bounds(), bounds)
	}
	opaque, transparent, coloured := 0, 0, 0
	for i := 0; i < len(cutOut.Pix); i += 4 {
		switch p := cutOut.Pix[i : i+4]; p[3] {
		case 255:
			opaque++
		case 0:
			transparent++
			if p[0]|p[1]|p[2] != 0 {
				coloured++
			}
		}
	}
	if pixels := len(cutOut.Pix) / 4; opaque < pixels/20 || transparent < pixels/20 ||
		coloured > 0 {
		t.Errorf("%s: of %d pixels %d are opaque, %d transparent and %d of those have a colour",
			path, pixels, opaque, transparent, coloured)
	}
}

func alpha(m image.Image) *image.Alpha {
	a := image.NewAlpha(m.Bounds())
	draw.Draw(a, a.Rect, m, a.Rect.Min, draw.Src)
	return a
}

// iou is the intersection over the union of what is more opaque than not, in
// two pictures of one size.
func iou(a, b *image.Alpha) float64 {
	both, either := 0, 0
	for i := range a.Pix {
		x, y := a.Pix[i] >= 128, b.Pix[i] >= 128
		if x && y {
			both++
		}
		if x || y {
			either++
		}
	}
	return float64(both) / float64(either)
}
