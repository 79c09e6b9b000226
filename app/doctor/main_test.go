package doctor

import (
	"log/slog"
	"testing"

	"go.uber.org/goleak"

	"bgremove/queue"
)

func TestMain(m *testing.M) {
	queue.LogTo(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}
