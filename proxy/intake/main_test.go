package intake

import (
	"context"
	"log/slog"
	"testing"

	"go.uber.org/goleak"

	"bgremove/apikey"
	"bgremove/imaging"
	"bgremove/queue"
)

func TestMain(m *testing.M) {
	queue.LogTo(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// start returns an Intake on a queue of its own, with the cache on.
func start(t *testing.T, edit func(*Config, *queue.Config)) *Intake {
	t.Helper()
	cfg, queueCfg := Config{Cache: true, MaxWaiting: 10}, queue.DefaultConfig()
	queueCfg.DataDir, queueCfg.DiskReserve = t.TempDir(), 0
	if edit != nil {
		edit(&cfg, &queueCfg)
	}
	q, err := queue.Open(t.Context(), queueCfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
	return New(cfg, Parts{
		Jobs: q, Limits: imaging.DefaultConfig().Limits(), Version: "test",
		Reserve: func(context.Context, int64) error { return nil },
		Release: func(context.Context) {},
	})
}

// with is the context of a request with a key.
func with(t *testing.T, name string, megapixelsPerMinute int) context.Context {
	t.Helper()
	_, key, err := apikey.New(name, megapixelsPerMinute)
	if err != nil {
		t.Fatal(err)
	}
	return apikey.NewContext(t.Context(), key)
}
