package intake

import (
	"context"
	"fmt"

	"bgremove/fault"
)

// Outside is the way to addresses that clients name. *egress.Client is one.
type Outside interface {
	// Check refuses an address by its form, without asking anybody.
	Check(rawURL string) error
	Get(ctx context.Context, rawURL string, maxBytes int64) (data []byte, kind string, err error)
}

// maxFetches is how many pictures are fetched at the same time.
const maxFetches = 8

// fetch gets the picture that is at an address.
func (in *Intake) fetch(ctx context.Context, url string) ([]byte, error) {
	if in.Pictures == nil {
		return nil, switchedOff("urls_off", KeyImageURL, "egress.urls")
	}
	// How large a picture is shows only as it comes: so many at a time, whatever
	// other uploads there are.
	select {
	case in.fetches <- struct{}{}:
		defer func() { <-in.fetches }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	data, _, err := in.Pictures.Get(ctx, url, in.Limits.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", KeyImageURL, err)
	}
	return data, in.Reserve(ctx, int64(len(data)))
}

func (in *Intake) checkCallback(url string) error {
	if in.Callbacks == nil {
		return switchedOff("callbacks_off", keyCallback, "egress.callbacks")
	}
	if err := in.Callbacks.Check(url); err != nil {
		return fmt.Errorf("%s: %w", keyCallback, err)
	}
	return nil
}

func switchedOff(code, key, setting string) error {
	return fault.New(code, "%s: is not switched on here (%s)", key, setting)
}
