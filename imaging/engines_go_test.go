//go:build !cgo

package imaging

import (
	"errors"
	"strings"
	"testing"

	"bgremove/imaging/engine/fast"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

func builtEngines() []string { return []string{fast.Name} }

// TestNoOpenCV: who asks for the engine that is not here is told why, in a request
// and in the configuration.
func TestNoOpenCV(t *testing.T) {
	const why = "engine: opencv is not in this build (built without cgo); must be fast"
	_, err := newRemover(t).Remove(t.Context(), imagingtest.ReadTestdata(t, "scene.png"),
		option.Options{Engine: "opencv"})
	if !errors.Is(err, picture.ErrOption) || !strings.HasSuffix(err.Error(), why) {
		t.Errorf("a request: %v", err)
	}
	cfg := DefaultConfig()
	cfg.Engine = "opencv"
	if err := cfg.Validate(); err == nil || err.Error() != why {
		t.Errorf("the configuration: %v", err)
	}
}
