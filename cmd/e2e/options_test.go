package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"testing"

	"bgremove/queue/queuetest"
)

// Every option goes all the way, in one process and over the wire to a predictor; a mask of
// another shape goes nowhere.
func (b binary) testOptions(t *testing.T) {
	redis := "--queue-url=" + queuetest.StartRedis(t).URL()
	predict := b.serve(t, "predict")
	b.serve(t, "batch", redis, "--predict-url="+predict.url(t, "predict"))
	for _, proxy := range []*process{b.serve(t, "all"), b.serve(t, "proxy", redis)} {
		url := proxy.url(t, "proxy")
		status, answer := startWith(t, url, "../../testdata/mask.png")
		var job struct {
			Status string
			Out    []byte `json:"img_out_base64"`
		}
		var started struct {
			ID string `json:"job_id"`
		}
		if err := json.Unmarshal(answer, &started); err != nil || status != http.StatusOK {
			t.Fatalf("%d %s: %v", status, answer, err)
		}
		eventually(t, "the result", func() bool {
			getJSON(t, url+"/get_job/"+started.ID, &job)
			return job.Status == "ok"
		})
		if len(job.Out) == 0 {
			t.Error("the result is empty")
		}
		if status, answer := startWith(t, url,
			"../../testdata/size-1x9.png"); status != http.StatusBadRequest ||
			!bytes.Contains(answer, []byte("bad option: mask: has 1×9 px")) {
			t.Errorf("a mask of another shape: %d %s", status, answer)
		}
	}
}

// startWith submits the scene with this mask and every other option.
func startWith(t *testing.T, proxy, mask string) (status int, answer []byte) {
	t.Helper()
	files := map[string][]byte{"../../testdata/scene.png": nil, mask: nil}
	for name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
	}
	body, err := json.Marshal(map[string]any{
		"image": files["../../testdata/scene.png"], "mask": files[mask], "roi": "1 1 119 89",
		"engine": "fast", "channels": "rgba",
		"format": "jpg", "quality": 80, "bg_color": "white", "crop": true, "crop_margin": "5px 10%",
		"scale": "80%", "position": "center",
		"size": "preview", "shadow": true,
		"strokes": []any{map[string]any{
			"label": "keep", "radius": 2, "points": [][2]float64{{60, 50}, {62, 50}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	status, answer, err = fetch(t, http.MethodPost, proxy+"/start_job", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return status, answer
}
