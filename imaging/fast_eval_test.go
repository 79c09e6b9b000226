package imaging_test

import (
	"flag"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"bgremove/imaging"
	"bgremove/imaging/eval"
)

var everyPicture = flag.Bool("every-picture", false,
	"measure on the whole validation set, not on an eighth of it")

// TestFastOnValidationSet measures the mean IoU where the pictures are at hand.
func TestFastOnValidationSet(t *testing.T) {
	dir := filepath.Join("..", "..", "shared", "eval", "valid")
	pairs, _, err := eval.Pairs(filepath.Join(dir, "images"), filepath.Join(dir, "masks"))
	if err != nil || len(pairs) == 0 {
		t.Skip("no validation set here")
	}
	if !*everyPicture {
		for i := range (len(pairs) + 7) / 8 {
			pairs[i] = pairs[8*i]
		}
		pairs = pairs[:(len(pairs)+7)/8]
	}
	remover, err := imaging.New(imaging.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	fast, err := remover.Find("fast")
	if err != nil {
		t.Fatal(err)
	}
	widen := .07
	for _, mode := range []struct {
		name  string
		hints eval.HintConfig
		least float64 // mean IoU
	}{{"auto", eval.HintConfig{}, .86}, {"roi", eval.HintConfig{ROI: &widen}, .89}} {
		r := eval.Run(t.Context(), eval.Config{
			Engines: []eval.Engine{fast}, Limits: remover.Limits(), Hints: mode.hints,
			Jobs: runtime.NumCPU(),
		}, pairs)
		if r.Unread > 0 || r.Interrupted {
			t.Fatalf("%d of %d pictures measured, %d could not be read",
				len(r.Pictures), r.Asked, r.Unread)
		}
		sums, counts := map[string]float64{}, map[string]int{}
		for _, p := range r.Pictures {
			set, _, _ := strings.Cut(p.Name, "-")
			sums[set] += p.Results[0].IoU
			counts[set]++
		}
		for set, n := range counts {
			t.Logf("%s %s: %.3f (%d)", mode.name, set, sums[set]/float64(n), n)
		}
		v := r.Engines[0].Mean.IoU
		t.Logf("%s all: %.3f (%d)", mode.name, v, r.Engines[0].Pictures)
		if v < mode.least {
			t.Errorf("%s: mean IoU %.3f, want %.2f", mode.name, v, mode.least)
		}
	}
}
