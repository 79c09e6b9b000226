package intake

import (
	"errors"
	"strings"
	"testing"
	"time"

	"bgremove/fault"
)

func TestCharge(t *testing.T) {
	in := start(t, nil)
	ctx := with(t, "limited", 10)
	take := func(width, height int, left int64) (*Budget, func(), error) {
		t.Helper()
		b, refund, err := in.charge(ctx, width, height)
		if b == nil || b.Limit != 10 || b.Remaining != left {
			t.Fatalf("%+v, %v; want %d left of 10", b, err, left)
		}
		return b, refund, err
	}
	begun := time.Now()
	b, _, err := take(2000, 1250, 7) // 2.5 megapixels
	if reset := b.Reset.Sub(begun); err != nil || reset < 14*time.Second || reset > 16*time.Second {
		t.Errorf("full again in %v, %v; want 15 s", reset, err)
	}
	if _, _, err := take(10, 10, 6); err != nil { // a small one counts as one megapixel
		t.Error(err)
	}
	_, refund, err := take(4000, 3000, 6) // above the budget: only where it is full
	refund()
	var f fault.Error
	if !errors.As(err, &f) || f.Code != "rate_limit_exceeded" || f.RetryAfter < 10*time.Second ||
		f.RetryAfter > 21*time.Second ||
		!strings.HasPrefix(f.Message(), "The image has 12 megapixels, and 6.") {
		t.Errorf("%+v", f)
	}
	_, refund, err = take(6000, 1000, 0)
	if err != nil {
		t.Error(err)
	}
	refund()
	if _, _, err = take(6000, 1000, 0); err != nil { // it was given back
		t.Error(err)
	}
	if _, _, err = take(1000, 1000, 0); err == nil {
		t.Error("granted from an empty budget")
	}
}

func TestNoBudget(t *testing.T) {
	in := start(t, nil)
	for range 3 {
		if b, refund, err := in.charge(with(t, "free", 0), 50_000, 1000); b != nil ||
			refund == nil || err != nil {
			t.Errorf("a key without a budget: %+v, %v", b, err)
		}
		if b, refund, err := in.charge(t.Context(), 50_000, 1000); b != nil ||
			refund == nil || err != nil {
			t.Errorf("without a key: %+v, %v", b, err)
		}
	}
}
