//go:build !cgo

package imaging

import (
	"errors"
	"strings"
	"testing"
)

const (
	canReduce = false
	hasOpenCV = false
)

func roundTrip(*Image) (int, error) { return 0, nil }

// TestNoOpenCV: who asks for it is told why it is not there.
func TestNoOpenCV(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Engine = EngineOpenCV
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "not in this build") {
		t.Errorf("as the default: %v", err)
	}
	if _, err := newRemover(t).Remove(t.Context(), readTestdata(t, "scene.png"), Options{Engine: EngineOpenCV}); !errors.Is(err, ErrOption) || !strings.Contains(err.Error(), "not in this build") {
		t.Errorf("in a request: %v", err)
	}
}
