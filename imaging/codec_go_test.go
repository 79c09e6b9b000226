//go:build !cgo

package imaging

import (
	"errors"
	"strings"
	"testing"
)

const lossyPeak = 160 // four pixels share their chroma, which is repeated

func builtEngines() []string { return []string{EngineFast} }

// TestNoOpenCV: who asks for the engine that is not here is told why, in a request and in the configuration.
func TestNoOpenCV(t *testing.T) {
	const why = "engine: opencv is not in this build (built without cgo); must be fast"
	_, err := newRemover(t).Remove(t.Context(), readTestdata(t, "scene.png"), Options{Engine: EngineOpenCV})
	if !errors.Is(err, ErrOption) || !strings.HasSuffix(err.Error(), why) {
		t.Errorf("a request: %v", err)
	}
	cfg := DefaultConfig()
	cfg.Engine = EngineOpenCV
	if err := cfg.Validate(); err == nil || err.Error() != why {
		t.Errorf("the configuration: %v", err)
	}
}

// TestDecodeRefusesSeparatePlanes: the TIFF package would take planes for rows.
func TestDecodeRefusesSeparatePlanes(t *testing.T) {
	data := readTestdata(t, "tiff-rgb.tif")
	tiff, err := readTIFF(data)
	if err != nil {
		t.Fatal(err)
	}
	at, err := tiff.find(tagPlanar)
	if at == 0 || err != nil {
		t.Fatal(at, err)
	}
	tiff.order.PutUint16(data[at+8:], 2)
	if _, err := Decode(data, Info{Format: TIFF, Width: 120, Height: 90, Orientation: 1}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("error %v, want ErrUnsupported", err)
	}
}
