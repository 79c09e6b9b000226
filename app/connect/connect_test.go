package connect

import (
	"sync"
	"testing"
	"time"

	"bgremove/client"
)

// Many who wait for the same tell it once, though the words differ.
func TestWaitsAreToldOnce(t *testing.T) {
	var lines []string
	waiting := Server{}.Waits(t.Context(), func(line string) { lines = append(lines, line) })
	var all sync.WaitGroup
	for _, left := range []string{"3", "5", "7"} {
		all.Go(func() {
			waiting(&client.Error{Status: 429, Code: "rate_limit_exceeded", Detail: left +
				" megapixels are left", RequestID: left}, 5*time.Second)
			waiting(&client.Error{Status: 503, Code: "queue_unavailable"}, 100*time.Millisecond)
		})
	}
	all.Wait()
	waiting(&client.Error{Status: 429, Code: "queue_full", Detail: "The queue is full\x1b"},
		5*time.Second)
	if len(lines) != 2 || lines[1] != "bgremove: waiting: The queue is full? (429); trying again" {
		t.Errorf("%q", lines)
	}
}
