package intake

import (
	"context"
	"strconv"
	"time"

	"bgremove/apikey"
	"bgremove/fault"
	"bgremove/queue"
)

// Budgets is the part of the queue that remembers what keys have spent. *queue.Queue is one.
type Budgets interface {
	Spend(ctx context.Context, owner string, cost, perMinute int64) (queue.Spent, error)
	Refund(ctx context.Context, s queue.Spent) error
}

// Budget is what a key has, in megapixels.
type Budget struct {
	Limit     int   // a minute
	Remaining int64 // of it, rounded down
	Reset     time.Time
}

const (
	// Budgets are counted in thousands of pixels, so that 1.2 megapixels cost 1.2, and a small
	// image as much as one megapixel, as remove.bg counts: the work on it is not much less.
	perMegapixel = 1000
	pixelsAUnit  = 1_000_000 / perMegapixel

	refundTimeout = 5 * time.Second
)

// charge takes an image off the budget of the request's key and says what is left of it. Where the
// image is refused afterwards the caller calls refund, which is never nil. Without a key, or for
// one without a budget, it does nothing.
//
// Its error is a fault.Error where the budget does not suffice, else one of the queue.
func (in *Intake) charge(
	ctx context.Context, width, height int,
) (b *Budget, refund func(), err error) {
	refund = func() {}
	key, ok := apikey.FromContext(ctx)
	if !ok || key.MegapixelsPerMinute == 0 {
		return nil, refund, nil
	}
	cost := max(perMegapixel, (int64(width)*int64(height)+pixelsAUnit-1)/pixelsAUnit)
	spent, err := in.Jobs.Spend(ctx, key.Name, cost, int64(key.MegapixelsPerMinute)*perMegapixel)
	if err != nil {
		return nil, refund, err
	}
	b = &Budget{key.MegapixelsPerMinute, spent.Left / perMegapixel, time.Now().Add(spent.Reset)}
	if spent.Wait > 0 {
		wait := (spent.Wait + time.Second - 1).Truncate(time.Second)
		f := fault.New("rate_limit_exceeded",
			"The image has %s megapixels, and %s are left of the %d "+
				"a minute that the API key has; enough will be in %v",
			megapixels(cost), megapixels(spent.Left), b.Limit, wait)
		f.RetryAfter = spent.Wait
		return b, refund, f
	}
	return b, func() {
		// The request may be over by now.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refundTimeout)
		defer cancel()
		// Its fault is not worth a word to the client: within a minute all is back anyway.
		_ = in.Jobs.Refund(ctx, spent)
	}, nil
}

// megapixels is a cost as people read it.
func megapixels(units int64) string {
	return strconv.FormatFloat(float64(units)/perMegapixel, 'f', -1, 64)
}
