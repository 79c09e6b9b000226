package imaging

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"bgremove/imaging/codec"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/option"
)

// Every stage of a result is there once, within the time that the whole took.
func TestStages(t *testing.T) {
	r := newRemover(t)
	small := []string{
		"decode", "reduce", "prior", "closer", "cut", "clean",
		"whole", "band", "alpha", "encode", "quality",
	}
	for name, tt := range map[string]struct {
		data []byte
		want []string
	}{
		"small": {imagingtest.ReadTestdata(t, "scene.png"), small},
		"large": {largeJPEG(t), append([]string{"preview"}, small...)},
	} {
		began := time.Now()
		res, err := r.Remove(t.Context(), tt.data, option.Options{})
		total := time.Since(began)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range res.Stages {
			names = append(names, s.Name)
			if s.Took < 0 || s.Start.Before(began) || s.Start.Add(s.Took).After(began.Add(total)) {
				t.Errorf("%s: %s took %v from %v on, of %v",
					name, s.Name, s.Took, s.Start.Sub(began), total)
			}
		}
		slices.Sort(names)
		slices.Sort(tt.want)
		if !slices.Equal(names, tt.want) {
			t.Errorf("%s: stages %v, want %v", name, names, tt.want)
		}
	}
}

// largeJPEG is one that is decoded while its subject is looked for.
func largeJPEG(t *testing.T) []byte {
	t.Helper()
	img := imagingtest.Enlarged(imagingtest.LoadImage(t, "scene.png"), 1600, 1200)
	data, err := codec.EncodeJPEG(img.Pix, img.Width, img.Height, 3, 90)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestResultWithoutStagesAsJSON(t *testing.T) {
	if text, err := json.Marshal(Result{}); err != nil ||
		strings.Contains(string(text), "timings") {
		t.Errorf("a result without stages is %s, %v", text, err)
	}
}
