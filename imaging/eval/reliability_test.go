package eval

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestReliability(t *testing.T) {
	confidences := []float64{0, .05, .95, 1, .9, .55}
	ious := []float64{.9, .1, .8, .79, .95, .8}
	bins := Reliability(confidences, ious, .8)
	if len(bins) != 10 {
		t.Fatalf("%d bins, want 10", len(bins))
	}
	for i, b := range bins {
		want := map[int]Bin{0: {2, .025, .5}, 5: {1, .55, 1}, 9: {3, .95, 2. / 3}}[i]
		if b.N != want.N || !near(b.Confidence, want.Confidence) || !near(b.Good, want.Good) {
			t.Errorf("bin %d: %+v, want %+v", i, b, want)
		}
	}
	if got, want := CalibrationError(bins), (2*.475+1*.45+3*(.95-2./3))/6; !near(got, want) {
		t.Errorf("calibration error %v, want %v", got, want)
	}
	if got := CalibrationError(Reliability(nil, nil, .8)); got != 0 {
		t.Errorf("calibration error %v of nothing", got)
	}
}

func TestAUROC(t *testing.T) {
	for _, test := range []struct {
		name              string
		confidences, ious []float64
		want              float64
		ok                bool
	}{
		{"right", []float64{.1, .2, .8, .9}, []float64{0, 0, 1, 1}, 1, true},
		{"wrong", []float64{.9, .8, .2, .1}, []float64{0, 0, 1, 1}, 0, true},
		{"all alike", []float64{.5, .5, .5}, []float64{0, 1, 1}, .5, true},
		{"one of four pairs wrong", []float64{.1, .6, .5, .9}, []float64{0, 0, 1, 1}, .75, true},
		{"all good", []float64{.1, .6}, []float64{1, .8}, 0, false},
		{"none good", []float64{.1, .6}, []float64{0, .7}, 0, false},
		{"nothing", nil, nil, 0, false},
		{"not a number", []float64{math.NaN(), .6}, []float64{0, 1}, 1, true}, // below all numbers
	} {
		if got, ok := AUROC(test.confidences, test.ious, .8); !near(got, test.want) ||
			ok != test.ok {
			t.Errorf("%s: %v, %v, want %v, %v", test.name, got, ok, test.want, test.ok)
		}
	}
}

// The area is the share of pairs that are in the right order.
func TestAUROCCountsPairs(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		var confidences, ious []float64
		for range 50 {
			confidences = append(confidences, float64(random.IntN(12))/12) // with ties
			ious = append(ious, random.Float64())
		}
		right, pairs := 0., 0.
		for i := range ious {
			for j := range ious {
				if ious[i] < .5 || ious[j] >= .5 {
					continue
				}
				pairs++
				switch {
				case confidences[i] > confidences[j]:
					right++
				case confidences[i] == confidences[j]:
					right += .5
				}
			}
		}
		if got, _ := AUROC(confidences, ious, .5); !near(got, right/pairs) {
			t.Errorf("%v, want %v", got, right/pairs)
		}
	}
}
