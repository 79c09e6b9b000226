package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bgremove/imaging"
)

// evalFolders has the scene with its mask, and files without a partner.
func evalFolders(t *testing.T) (images, masks string) {
	t.Helper()
	images, masks = t.TempDir(), t.TempDir()
	copyTo(t, "../testdata/scene.png", filepath.Join(images, "scene.png"))
	copyTo(t, "../testdata/mask.png", filepath.Join(masks, "scene.png"))
	copyTo(t, "../testdata/scene.png", filepath.Join(images, "alone.png"))
	copyTo(t, "../testdata/mask.png", filepath.Join(masks, "lonely.png"))
	return images, masks
}

func TestEval(t *testing.T) {
	images, masks := evalFolders(t)
	jsonPath, htmlPath := filepath.Join(t.TempDir(), "out.json"),
		filepath.Join(t.TempDir(), "out.html")
	engines := engines(t)
	status, stdout, stderr := call(t, "eval", "--images", images, "--masks", masks, "--engine",
		strings.Join(engines, ","),
		"--roi-from-mask", "0.07", "--strokes", "sparse", "--reliability", "0.8", "--json",
		jsonPath, "--html", htmlPath)
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	if want := "left out: " + filepath.Join(images, "alone.png") + ": no mask of that name\n" +
		"left out: " + filepath.Join(masks, "lonely.png") +
		": no image of that name\n"; stderr != sortedLines(want) {
		t.Errorf("stderr:\n%s\nwant:\n%s", stderr, want)
	}
	wants := []string{"\n  pictures   ", "\n  IoU, mean   ", "ms a megapixel, median"}
	for i, engine := range engines {
		wants = append(wants, "Reliability of "+engine+" (good: IoU ≥ 0.8)\n")
		if i > 0 {
			wants = append(wants, engine+" − "+engines[0])
		}
	}
	for _, want := range wants {
		if !strings.Contains(stdout, want) {
			t.Errorf("stdout lacks %q:\n%s", want, stdout)
		}
	}
	if page := read(t, htmlPath); !strings.Contains(page, "scene.png") ||
		!strings.HasSuffix(page, "</html>\n") {
		t.Errorf("%d bytes of HTML", len(page))
	}
	checkEvalJSON(t, read(t, jsonPath))
}

// engines are the names of those of this build, sorted.
func engines(t *testing.T) []string {
	t.Helper()
	r, err := imaging.New(imaging.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	return r.Engines()
}

// The names in the JSON are what scripts rely on.
func checkEvalJSON(t *testing.T, text string) {
	t.Helper()
	var report map[string]any
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		t.Fatal(err)
	}
	object := func(v any) map[string]any { m, _ := v.(map[string]any); return m }
	element := func(v any, i int) map[string]any {
		list, _ := v.([]any)
		if len(list) <= i {
			t.Fatalf("%v has no element %d", v, i)
		}
		return object(list[i])
	}
	summary, picture := element(report["engines"], 0), element(report["pictures"], 0)
	for _, test := range []struct {
		name string
		of   map[string]any
		keys string
	}{
		{"report", report, "asked engines hints interrupted jobs pictures unread"},
		{"hints", object(report["hints"]), "roi_from_mask sparse_strokes"},
		{"engine", summary, "calibration engine failures mean median pictures seconds_per_image " +
			"seconds_per_megapixel"},
		{"mean", object(summary["mean"]), "boundary_f iou mae pixel_error"},
		{"picture", picture, "height name results width"},
		{
			"result", element(picture["results"], 0),
			"boundary_f engine iou mae pixel_error quality seconds",
		},
	} {
		var keys []string
		for key := range test.of {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		if got := strings.Join(keys, " "); got != test.keys {
			t.Errorf("%s: keys %s, want %s", test.name, got, test.keys)
		}
	}
	if iou, _ := element(picture["results"], 0)["iou"].(float64); iou < .9 ||
		picture["name"] != "scene.png" {
		t.Errorf("%v: IoU %v", picture["name"], iou)
	}
}

// A picture without any foreground to find is a result; one that cannot be read makes the status.
func TestEvalFailures(t *testing.T) {
	images, masks := evalFolders(t)
	copyTo(t, "../testdata/one-colour.png", filepath.Join(images, "flat.png"))
	copyTo(t, "../testdata/one-colour.png", filepath.Join(masks, "flat.png"))
	args := []string{"eval", "--images", images, "--masks", masks, "--engine", quickestEngine}
	status, stdout, stderr := call(t, args...)
	if status != 0 || !strings.Contains(stdout, "Failures, counted as empty masks:\n  flat.png: "+
		quickestEngine+": no foreground found: ") {
		t.Errorf("status %d, %s%s", status, stdout, stderr)
	}
	copyTo(t, "../testdata/mask.png", filepath.Join(masks, "flat.png"))
	status, stdout, stderr = call(t, args...)
	if status != 1 || !strings.Contains(stderr,
		"not read: flat.png: the mask has 120×90 px, the image 40×30\n") ||
		!strings.Contains(stderr, "bgremove: 1 of 2 pictures could not be read\n") ||
		!strings.Contains(stdout, "IoU, mean") {
		t.Errorf("status %d, %s%s", status, stdout, stderr)
	}
	if status, _, stderr = call(t, append(args, "--limit", "1")...); status != 1 ||
		!strings.Contains(stderr, "1 of 1 pictures") {
		t.Errorf("with a limit: status %d, %s", status, stderr)
	}
}

func TestEvalInterrupted(t *testing.T) {
	images, masks := evalFolders(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	jsonPath := filepath.Join(t.TempDir(), "out.json")
	var stdout, stderr bytes.Buffer
	status := run(ctx, []string{"eval", "--images", images, "--masks", masks, "--json", jsonPath},
		&stdout, &stderr)
	if status != 1 || !strings.Contains(stderr.String(), "interrupted after 0 of 1 pictures") ||
		!strings.Contains(stdout.String(), "IoU, mean") {
		t.Errorf("status %d, %s%s", status, &stdout, &stderr)
	}
	if text := read(t, jsonPath); !strings.Contains(text, `"interrupted": true`) ||
		!strings.Contains(text, `"pictures": []`) {
		t.Error(text)
	}
}

func TestEvalUsage(t *testing.T) {
	images, masks := evalFolders(t)
	empty := t.TempDir()
	folders := []string{"--images", images, "--masks", masks}
	for _, test := range []struct {
		name   string
		args   []string
		status int
		stderr string
	}{
		{"no folders", nil, 2, `required flag(s) "images", "masks" not set`},
		{"unknown engine", append(folders, "--engine", "fast,magic"), 2, "engine: must be one of " +
			strings.Join(engines(t), ", ") + `, is "magic"`},
		{
			"engine twice", append(folders, "--engine", "fast,fast"),
			2, "--engine: fast is named twice",
		},
		{
			"roi", append(folders, "--roi-from-mask", "NaN"),
			2, "--roi-from-mask: must be 0 to 1, is NaN",
		},
		{
			"reliability", append(folders, "--reliability", "0"),
			2, "--reliability: must be above 0 and at most 1, is 0",
		},
		{
			"strokes", append(folders, "--strokes", "dense"),
			2, `--strokes: must be sparse, is "dense"`,
		},
		{"jobs", append(folders, "--jobs", "0"), 2, "--jobs: must be 1 to 1024, is 0"},
		{
			"several", append(folders, "--worst", "-1", "--limit", "-2"), 2,
			"--worst: must be 0 or more, is -1\n--limit: must be 0 or more, is -2",
		},
		{
			"setting of imaging", append(folders, "--imaging-max-image-mib", "0"),
			2, "imaging.max_image_mib: must be 1 to 1024, is 0",
		},
		{
			"no such folder",
			[]string{"--images", filepath.Join(images, "none"), "--masks", masks},
			2, "no such file or directory",
		},
		{
			"nothing in common",
			[]string{"--images", images, "--masks", empty},
			1, "has a mask of its name in " + empty,
		},
		{"file that cannot be written", append(folders, "--json",
			filepath.Join(empty, "none", "out.json")), 1, "no such file or directory"},
	} {
		status, stdout, stderr := call(t, append([]string{"eval"}, slices.Clip(test.args)...)...)
		if status != test.status || !strings.Contains(stderr, test.stderr) || stdout != "" {
			t.Errorf("%s: status %d, %s%s\nwant %d, %q",
				test.name, status, stdout, stderr, test.status, test.stderr)
		}
	}
}

// A setting of imaging counts here as it does in serve.
func TestEvalTakesImagingSettings(t *testing.T) {
	images, masks := evalFolders(t)
	for _, engine := range engines(t) {
		status, stdout, _ := call(t, "eval", "--images", images, "--masks", masks,
			"--imaging-engine", engine)
		for _, other := range []string{"fast", "opencv"} {
			if status != 0 || strings.Contains(stdout, other) != (other == engine) {
				t.Errorf("engine %s: status %d, %s", engine, status, stdout)
			}
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// sortedLines makes up for folders whose names are made by chance.
func sortedLines(text string) string {
	return strings.Join(slices.Sorted(strings.Lines(text)), "")
}
