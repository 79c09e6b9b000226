// Package e2e drives the real program, in processes of its own, as its users do.
package e2e

import (
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"bgremove/app/settings"
)

func TestMain(m *testing.M) {
	for _, variable := range os.Environ() { // the caller's settings are not the tests'
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, settings.EnvPrefix) {
			os.Unsetenv(name)
		}
	}
	goleak.VerifyTestMain(m)
}
