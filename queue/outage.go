package queue

import (
	"context"
	"log/slog"
)

// Outage logs once that the queue fails, and once that it is back, for a caller that asks again and
// again. The zero value takes it to work.
type Outage struct{ failing bool }

// Note takes in how a call of the queue's has ended; what is what is asked for.
func (o *Outage) Note(ctx context.Context, log *slog.Logger, what string, err error) {
	switch {
	case ctx.Err() != nil: // the caller's own doing
	case err != nil && !o.failing:
		log.WarnContext(ctx, "queue fails; it is asked again until it does not", "for",
			what, "err", err)
	case err == nil && o.failing:
		log.InfoContext(ctx, "queue is back", "for", what)
	}
	o.failing = err != nil
}
