// Package e2e drives the real program, in processes of its own, as its users do.
package e2e

import (
	"log/slog"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"bgremove/app/settings"
	"bgremove/queue"
)

func TestMain(m *testing.M) {
	for _, variable := range os.Environ() { // the caller's settings are not the tests'
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, settings.EnvPrefix) {
			os.Unsetenv(name)
		}
	}
	queue.LogTo(slog.New(slog.DiscardHandler)) // of tests that look at a queue
	goleak.VerifyTestMain(m)
}
