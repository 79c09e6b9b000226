package predict

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"bgremove/imaging"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/option"
	"bgremove/imaging/stage"
	"bgremove/telemetry/telemetrytest"
)

func TestReadTiming(t *testing.T) {
	ms := time.Millisecond
	for text, want := range map[string]stage.Stages{
		"":                              nil,
		"decode;dur=12.500":             {{Name: "decode", Took: 12500 * time.Microsecond}},
		"a;dur=1, b;dur=2":              {{Name: "a", Took: ms}, {Name: "b", Took: 2 * ms}},
		` a ; desc="x" ; DUR = 1 `:      {{Name: "a", Took: ms}},
		"cache;desc=HIT, miss, b;dur=2": {{Name: "b", Took: 2 * ms}},
		"a;dur=1, a;dur=2":              {{Name: "a", Took: ms}},
		"a;dur=-1, b;dur=NaN, c;dur=1e99, d;dur=, e;dur=Inf":       nil,
		`A;dur=1, a b;dur=1, "a";dur=1, ;dur=1, é;dur=1, a/;dur=1`: nil,
		strings.Repeat("a", 65) + ";dur=1":                         nil,
	} {
		if got := readTiming([]string{text}); !reflect.DeepEqual(got, want) {
			t.Errorf("%q became %v, want %v", text, got, want)
		}
	}
	var many []string
	for i := range 1000 {
		many = append(many, fmt.Sprintf("s%d;dur=1", i))
	}
	if got := readTiming(many); len(got) != maxStages || got[1].Name != "s1" {
		t.Errorf("%d stages of 1000", len(got))
	}
}

func FuzzReadTiming(f *testing.F) {
	f.Add("a;dur=1, b;dur=2.5;desc=\"x\"")
	f.Add(";;,,=,dur=,a;dur=1e308")
	f.Fuzz(func(t *testing.T, text string) {
		stages := readTiming([]string{text})
		if len(stages) > maxStages {
			t.Fatalf("%d stages", len(stages))
		}
		if again := readTiming([]string{writeTiming(stages)}); len(again) != len(stages) {
			t.Errorf("%v became %v", stages, again)
		}
	})
}

// What the engine's stages took is the same in process, over the wire and in the metrics.
func TestStagesCrossTheWire(t *testing.T) {
	want := stage.Stages{
		{Name: "decode", Took: 3 * time.Millisecond},
		{Name: "prior", Took: 1500 * time.Microsecond},
	}
	ts := start(t,
		fakeRemover{remove: func(_ context.Context, data []byte) (imaging.Result, error) {
			return imaging.Result{
				Data: data, ContentType: "image/png", Width: 10, Height: 10, Stages: want,
			}, nil
		}}, testConfig())
	got, err := ts.client(t).Predict(t.Context(), []byte("x"), option.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Stages) != 3 || got.Stages[0].Name != "slot" ||
		!reflect.DeepEqual(got.Stages[1:], want) {
		t.Errorf("stages %v, want slot and %v", got.Stages, want)
	}
	if n := testutil.CollectAndCount(ts.predictor.metrics.stages); n != len(want) {
		t.Errorf("%d stages in the metrics", n)
	}
}

func TestSizesAreMeasured(t *testing.T) {
	registry := prometheus.NewRegistry()
	p := newPredictor(t, fakeRemover{remove: func(context.Context, []byte) (imaging.Result, error) {
		return imaging.Result{Data: []byte("result")}, nil
	}}, testConfig(), registry)
	for range 2 {
		if _, err := p.Predict(t.Context(), []byte("image"), option.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	// refused before a slot is taken: no work
	if _, err := p.Predict(t.Context(), []byte("bad"), option.Options{}); err == nil {
		t.Error("no error")
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]float64{}
	for _, f := range families {
		if h := f.GetMetric()[0].GetHistogram(); h != nil {
			sums[f.GetName()] = h.GetSampleSum()
			if h.GetSampleCount() != 2 {
				t.Errorf("%s has %d samples", f.GetName(), h.GetSampleCount())
			}
		}
	}
	for name, want := range map[string]float64{
		"bgremove_predict_input_bytes": 10, "bgremove_predict_input_pixels": 200,
		"bgremove_predict_result_bytes": 12,
	} {
		if sums[name] != want {
			t.Errorf("%s is %v, want %v", name, sums[name], want)
		}
	}
}

// One trace from the client's call to the stages of the engine on the server.
func TestTraceCrossesTheWire(t *testing.T) {
	collector, flush := telemetrytest.Start(t)
	ts := start(t, nil, testConfig())
	if _, err := ts.client(t).Predict(t.Context(), []byte(imagingtest.File(t, "scene.png")),
		option.Options{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return testutil.ToFloat64(ts.predictor.metrics.inUse) == 0 })
	if err := ts.server.Shutdown(t.Context()); err != nil { // the server's span has ended then
		t.Fatal(err)
	}
	flush()
	spans := map[string]telemetrytest.Span{}
	ids := map[string]string{}
	for _, s := range collector.Spans() {
		spans[s.Name+" "+s.Kind] = s
		ids[s.ID] = s.Name + " " + s.Kind
	}
	first := spans["POST /predict SPAN_KIND_CLIENT"]
	for name, parent := range map[string]string{
		"POST /predict SPAN_KIND_SERVER": "POST /predict SPAN_KIND_CLIENT",
		"predict SPAN_KIND_INTERNAL":     "POST /predict SPAN_KIND_SERVER",
		"slot SPAN_KIND_INTERNAL":        "predict SPAN_KIND_INTERNAL",
		"decode SPAN_KIND_INTERNAL":      "predict SPAN_KIND_INTERNAL",
		"encode SPAN_KIND_INTERNAL":      "predict SPAN_KIND_INTERNAL",
	} {
		s, there := spans[name]
		if !there || s.Trace != first.Trace || ids[s.Parent] != parent {
			t.Errorf("%s: %v, below %q in trace %s, want below %q in %s",
				name, there, ids[s.Parent], s.Trace, parent, first.Trace)
		}
	}
	got := spans["POST /predict SPAN_KIND_SERVER"].Attributes
	if got["http.response.status_code"] != "200" || got["http.route"] != "/predict" {
		t.Errorf("%v", got)
	}
}
