package imaging

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// Every stage of a result is there once, within the time that the whole took.
func TestStages(t *testing.T) {
	r := newRemover(t)
	small := []string{"decode", "reduce", "prior", "closer", "cut", "clean", "whole", "band", "alpha", "encode", "quality"}
	for name, tt := range map[string]struct {
		data []byte
		want []string
	}{
		"small": {readTestdata(t, "scene.png"), small},
		"large": {largeJPEG(t), append([]string{"preview"}, small...)},
	} {
		began := time.Now()
		res, err := r.Remove(t.Context(), tt.data, Options{})
		total := time.Since(began)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range res.Stages {
			names = append(names, s.Name)
			if s.Took < 0 || s.Start.Before(began) || s.Start.Add(s.Took).After(began.Add(total)) {
				t.Errorf("%s: %s took %v from %v on, of %v", name, s.Name, s.Took, s.Start.Sub(began), total)
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
	img := enlarged(decodeTestdata(t, "scene.png"), 1600, 1200)
	data, err := encodeJPEG(img.Pix, img.Width, img.Height, 3, 90)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestStagesAsJSON(t *testing.T) {
	for text, want := range map[string]Stages{
		`{"prior":1.500,"decode":2000.000}`: {{Name: "prior", Took: 1500 * time.Microsecond}, {Name: "decode", Took: 2 * time.Second}},
		`{"a\"b":0.001}`:                    {{Name: `a"b`, Took: time.Microsecond}},
		`{}`:                                nil,
	} {
		var got Stages
		if err := json.Unmarshal([]byte(text), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s became %v, %v", text, got, err)
		}
		if back, err := json.Marshal(want); err != nil || string(back) != text {
			t.Errorf("%v became %s, %v", want, back, err)
		}
	}
	for _, bad := range []string{`[1]`, `[1,2]`, `{"a":"b"}`, `{"a":{}}`, `7 8`} {
		if err := json.Unmarshal([]byte(bad), new(Stages)); err == nil {
			t.Errorf("%s is taken for stages", bad)
		}
	}
	if text, err := json.Marshal(Result{}); err != nil || strings.Contains(string(text), "timings") {
		t.Errorf("a result without stages is %s, %v", text, err)
	}
}

func TestNothingIsTimedWithoutAStopwatch(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { timed(t.Context(), "decode")() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
