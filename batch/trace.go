package batch

import (
	"context"
	"time"

	"bgremove/imaging/stage"
	"bgremove/queue"
	"bgremove/telemetry"
)

// The stages of a job, as metrics and results name them.
const (
	stageCache  = "cache" // the result of another job that came to the same, in place of the others
	stageRead   = "read"
	stageCall   = "call"
	stageSettle = "settle"
)

// beginSpan begins the span of an attempt at a job, below the span that the job was submitted in.
func beginSpan(ctx context.Context, j queue.Claimed) (context.Context, telemetry.Span) {
	ctx, span := telemetry.Begin(telemetry.Extract(ctx, j.Trace), telemetry.Consumer, "run job")
	span.Text("bgremove.job", j.ID)
	span.Number("bgremove.attempt", j.Attempt)
	return ctx, span
}

// stage ends a stage of a job for the metrics and the trace. What calls the predictor has a
// span of its own there.
func (p *Poller) stage(ctx context.Context, name string, start time.Time) stage.Stage {
	s := stage.Stage{Name: name, Start: start, Took: time.Since(start)}
	p.metrics.stages.WithLabelValues(name).Observe(s.Took.Seconds())
	if name != stageCall {
		telemetry.Note(ctx, name, start, s.Took)
	}
	return s
}
