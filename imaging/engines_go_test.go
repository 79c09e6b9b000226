//go:build !cgo

package imaging

import (
	"errors"
	"strings"
	"testing"
)

func builtEngines() []string { return []string{fastName} }

// TestNoOpenCV: who asks for the engine that is not here is told why, in a request and in the configuration.
func TestNoOpenCV(t *testing.T) {
	const why = "engine: opencv is not in this build (built without cgo); must be fast"
	_, err := newRemover(t).Remove(t.Context(), readTestdata(t, "scene.png"), Options{Engine: "opencv"})
	if !errors.Is(err, ErrOption) || !strings.HasSuffix(err.Error(), why) {
		t.Errorf("a request: %v", err)
	}
	cfg := DefaultConfig()
	cfg.Engine = "opencv"
	if err := cfg.Validate(); err == nil || err.Error() != why {
		t.Errorf("the configuration: %v", err)
	}
}
