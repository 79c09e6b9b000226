package main

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shipped is a copy of the shipped network and its test vector in which one file may be changed.
func shipped(t *testing.T, changed string, change func([]byte) []byte) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"net.json", "net.f16", "net.x.i8", "net.z.f32"} {
		b, err := os.ReadFile(filepath.Join("../../imaging/engine/fast/network", name))
		if err != nil {
			t.Fatal(err)
		}
		if name == changed {
			b = change(b)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "net.json")
}

func TestShippedNetworkAgrees(t *testing.T) {
	if difference, err := check(shipped(t, "", nil)); err != nil || difference > 1e-4 {
		t.Errorf("off by %g, %v", difference, err)
	}
}

func TestDifferencesAreFound(t *testing.T) {
	for name, change := range map[string]func(float32) float32{
		"a little off": func(v float32) float32 { return v + .002 },
		"not a number": func(float32) float32 { return float32(math.NaN()) },
	} {
		description := shipped(t, "net.z.f32", func(b []byte) []byte {
			last := b[len(b)-4:]
			v := math.Float32frombits(binary.LittleEndian.Uint32(last))
			binary.LittleEndian.PutUint32(last, math.Float32bits(change(v)))
			return b
		})
		if difference, err := check(description); !errors.Is(err, errDiffers) {
			t.Errorf("%s: off by %g, %v", name, difference, err)
		}
	}
}

func TestUnusableFiles(t *testing.T) {
	half := func(b []byte) []byte { return b[:len(b)/2] }
	for _, name := range []string{"net.json", "net.f16", "net.x.i8", "net.z.f32"} {
		if _, err := check(shipped(t, name, half)); err == nil || errors.Is(err, errDiffers) {
			t.Errorf("half of %s: %v", name, err)
		}
		description := shipped(t, "", nil)
		if err := os.Remove(filepath.Join(filepath.Dir(description), name)); err != nil {
			t.Fatal(err)
		}
		if _, err := check(description); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	if _, err := check("checkpoint.pt"); err == nil || !strings.Contains(err.Error(), ".json") {
		t.Errorf("a name without .json: %v", err)
	}
}
