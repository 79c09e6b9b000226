package connect

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"bgremove/client"
	"bgremove/terminal"
)

// Waiting is told of waits, as that of a client.Config.
type Waiting = func(err error, pause time.Duration)

const (
	shortestTold = time.Second      // pauses that are shorter are over before anybody wonders
	waitReminder = 30 * time.Second // between two lines that say the same
)

// Waits has tell say that the server is waited for, and why: when that begins, and now and then while it lasts.
func (s Server) Waits(ctx context.Context, tell func(line string)) Waiting {
	var mu sync.Mutex
	last := map[string]time.Time{}
	return func(err error, pause time.Duration) {
		if pause < shortestTold || ctx.Err() != nil {
			return
		}
		// What is the same wait may differ in its text, by request ids or megapixels.
		kind := fmt.Sprintf("%T", Cause(err))
		var answer *client.Error
		if errors.As(err, &answer) {
			kind = fmt.Sprint(answer.Status, answer.Code)
			plain := *answer
			plain.RequestID = ""
			err = &plain
		}
		mu.Lock()
		defer mu.Unlock()
		if at, ok := last[kind]; ok && time.Since(at) < waitReminder {
			return
		}
		last[kind] = time.Now()
		tell(terminal.Printable(fmt.Sprintf("bgremove: waiting: %v; trying again", s.Fault(ctx, err))))
	}
}
