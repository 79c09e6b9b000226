package terminal

import (
	"strings"
	"testing"
)

// Before the first there is no rate, and no bar that shows one.
func TestBarBegins(t *testing.T) {
	var screen strings.Builder
	bar := NewBar(&screen, 5, "pictures")
	if strings.Contains(screen.String(), "pictures") {
		t.Errorf("it begins with %q", screen.String())
	}
	_ = bar.Add(1)
	if !strings.Contains(screen.String(), "1/5") {
		t.Errorf("after the first it shows %q", screen.String())
	}
	_ = bar.Exit()
}
