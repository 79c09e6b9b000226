package proxy

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"bgremove/apikey"
	"bgremove/httpserver"
	"bgremove/queue"
)

// Budgets is the part of the queue that remembers what keys have spent. *queue.Queue is one.
type Budgets interface {
	Spend(ctx context.Context, owner string, cost, perMinute int64) (queue.Spent, error)
	Refund(ctx context.Context, s queue.Spent) error
}

// The headers that remove.bg answers with: both numbers are megapixels, Reset is a time in seconds since 1970.
const (
	headerLimit     = "X-RateLimit-Limit"
	headerRemaining = "X-RateLimit-Remaining"
	headerReset     = "X-RateLimit-Reset"
)

const (
	// Budgets are counted in thousands of pixels, so that 1.2 megapixels cost 1.2, and a small image as much as one megapixel, as
	// remove.bg counts: the work on it is not much less.
	perMegapixel = 1000
	pixelsAUnit  = 1_000_000 / perMegapixel

	refundTimeout = 5 * time.Second
)

// charge takes an image off the budget of the request's key and tells the client what is left of it. Where the image is refused
// afterwards the caller calls refund, which is never nil. Without a key, or for one without a budget, it does nothing.
//
// Its error is a Fault with status 429 where the budget does not suffice, else one of the queue.
func charge(c echo.Context, budgets Budgets, width, height int) (refund func(), err error) {
	ctx, cancel := bounded(c)
	defer cancel()
	key, ok := apikey.FromContext(ctx)
	if !ok || key.MegapixelsPerMinute == 0 {
		return func() {}, nil
	}
	cost := max(perMegapixel, (int64(width)*int64(height)+pixelsAUnit-1)/pixelsAUnit)
	limit := int64(key.MegapixelsPerMinute) * perMegapixel
	spent, err := budgets.Spend(ctx, key.Name, cost, limit)
	if err != nil {
		return func() {}, err
	}
	header := c.Response().Header()
	header.Set(headerLimit, strconv.Itoa(key.MegapixelsPerMinute))
	header.Set(headerRemaining, strconv.FormatInt(spent.Left/perMegapixel, 10))
	header.Set(headerReset, strconv.FormatInt(time.Now().Add(spent.Reset).Add(time.Second-1).Unix(), 10)) // rounded up
	if spent.Wait > 0 {
		return func() {}, httpserver.Fault{
			Status: http.StatusTooManyRequests, Code: "rate_limit_exceeded", RetryAfter: spent.Wait,
			Detail: fmt.Sprintf("The image has %s megapixels, and %s are left of the %d a minute that the API key has; enough will be in %v",
				megapixels(cost), megapixels(spent.Left), key.MegapixelsPerMinute, (spent.Wait + time.Second - 1).Truncate(time.Second)),
		}
	}
	return func() {
		for _, name := range []string{headerLimit, headerRemaining, headerReset} { // what they say is not so any more
			header.Del(name)
		}
		// The request may be over by now.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refundTimeout)
		defer cancel()
		_ = budgets.Refund(ctx, spent) // not worth a word to the client, and within a minute it is back anyway
	}, nil
}

// megapixels is a cost as people read it.
func megapixels(units int64) string {
	return strconv.FormatFloat(float64(units)/perMegapixel, 'f', -1, 64)
}
