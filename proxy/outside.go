package proxy

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"bgremove/httpserver"
	"bgremove/queue"
)

// Outside is the way to addresses that clients name. *egress.Client is one.
type Outside interface {
	// Check refuses an address by its form, without asking anybody.
	Check(rawURL string) error
	Get(ctx context.Context, rawURL string, maxBytes int64) (data []byte, contentType string, err error)
}

// maxFetches is how many pictures are fetched at the same time.
const maxFetches = 8

// fetch gets the picture that is at an address.
func (a *api) fetch(c echo.Context, url string) ([]byte, error) {
	if a.pictures == nil {
		return nil, switchedOff("urls_off", keyImageURL, "egress.urls")
	}
	// How large a picture is shows only as it comes: so many at a time, whatever other uploads there are.
	ctx := c.Request().Context()
	select {
	case a.fetches <- struct{}{}:
		defer func() { <-a.fetches }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	data, _, err := a.pictures.Get(ctx, url, a.limits.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyImageURL, err)
	}
	return data, httpserver.ReserveUpload(c, int64(len(data)))
}

func (a *api) checkCallback(url string) error {
	if a.callbacks == nil {
		return switchedOff("callbacks_off", keyCallback, "egress.callbacks")
	}
	if err := a.callbacks.Check(url); err != nil {
		return fmt.Errorf("%s: %w", keyCallback, err)
	}
	return nil
}

func switchedOff(code, key, setting string) error {
	return httpserver.Fault{
		Status: http.StatusBadRequest, Code: code, Detail: fmt.Sprintf("%s: is not switched on here (%s)", key, setting),
	}
}

// Message makes the body of a callback: the job as /v1 shows it.
func Message(jobs interface {
	Job(ctx context.Context, id string) (queue.Job, error)
},
) func(ctx context.Context, id string) ([]byte, error) {
	return func(ctx context.Context, id string) ([]byte, error) {
		j, err := jobs.Job(ctx, id)
		if err != nil {
			return nil, err
		}
		return json.Marshal(describe(j))
	}
}
