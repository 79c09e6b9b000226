package cmd

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"bgremove/client"
	"bgremove/terminal"
)

// waitFunc is told of waits: Waiting of a client.Config.
type waitFunc func(err error, pause time.Duration)

const (
	shortestTold = time.Second      // pauses that are shorter are over before anybody wonders
	waitReminder = 30 * time.Second // between two lines that say the same
)

// tellWaits has tell say that the server is waited for, and why: when that begins, and now and then while it lasts.
func tellWaits(cmd *cobra.Command, tell func(line string)) waitFunc {
	var mu sync.Mutex
	told := map[string]time.Time{}
	return func(err error, pause time.Duration) {
		if pause < shortestTold || cmd.Context().Err() != nil {
			return
		}
		// What is the same wait may differ in its text, by request ids or megapixels.
		kind := fmt.Sprintf("%T", cause(err))
		var answer *client.Error
		if errors.As(err, &answer) {
			kind = fmt.Sprint(answer.Status, answer.Code)
			plain := *answer
			plain.RequestID = ""
			err = &plain
		}
		mu.Lock()
		defer mu.Unlock()
		if last, ok := told[kind]; ok && time.Since(last) < waitReminder {
			return
		}
		told[kind] = time.Now()
		tell(terminal.Printable(fmt.Sprintf("bgremove: waiting: %v; trying again", serverFault(cmd, err))))
	}
}
