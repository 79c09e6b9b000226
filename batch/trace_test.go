package batch

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"bgremove/imaging"
	"bgremove/imaging/option"
	"bgremove/imaging/stage"
	"bgremove/queue"
	"bgremove/telemetry"
	"bgremove/telemetry/telemetrytest"
)

// A job's result says what each stage took, those of the engine between those of the worker.
func TestStagesReachTheResult(t *testing.T) {
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		start(t, q, predictor{predict: func(
			ctx context.Context, image []byte, o option.Options,
		) (imaging.Result, error) {
			r, err := shout(ctx, image, o)
			r.Stages = stage.Stages{{Name: "decode", Took: 7 * time.Millisecond}}
			return r, err
		}}, time.Second)
		j := wait(t, q, enqueue(t, q, "x"))
		var about imaging.Result
		must(t, json.Unmarshal([]byte(j.Result), &about))
		var names []string
		for _, s := range about.Stages {
			names = append(names, s.Name)
		}
		if !slices.Equal(names, []string{"read", "decode", "call"}) ||
			about.Stages[1].Took != 7*time.Millisecond {
			t.Errorf("stages %v", about.Stages)
		}
	})
}

// The trace of the request that submitted a job goes on with the work on it.
func TestTraceGoesOn(t *testing.T) {
	collector, flush := telemetrytest.Start(t)
	request, submitted := telemetry.Begin(t.Context(), telemetry.Server, "POST /start_job")
	carried := telemetry.Inject(request)
	submitted.End(nil)
	ctx, span := beginSpan(context.Background(),
		queue.Claimed{ID: "j1", Attempt: 2, Trace: carried})
	_, child := telemetry.Begin(ctx, telemetry.Client, "POST /predict")
	child.End(nil)
	span.End(nil)
	flush()
	one, two, three := collector.Named("POST /start_job"), collector.Named("run job"),
		collector.Named("POST /predict")
	if len(one) != 1 || len(two) != 1 || len(three) != 1 {
		t.Fatalf("spans %v", collector.Spans())
	}
	if two[0].Trace != one[0].Trace || two[0].Parent != one[0].ID || three[0].Parent != two[0].ID ||
		two[0].Kind != "SPAN_KIND_CONSUMER" {
		t.Errorf("%+v %+v %+v", one[0], two[0], three[0])
	}
	if a := two[0].Attributes; a["bgremove.job"] != "j1" || a["bgremove.attempt"] != "2" {
		t.Errorf("%v", a)
	}
}
