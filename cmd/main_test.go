package cmd

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
