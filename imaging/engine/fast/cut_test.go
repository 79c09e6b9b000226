package fast

import (
	"context"
	"errors"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/maxflow"
	"bgremove/imaging/picture"
)

const discSide = 60

// disc is a picture of an orange disc on blue.
func disc() picture.Reduced {
	return imagingtest.Speckled(discSide, discSide, func(x, y int) [3]uint8 {
		if imagingtest.InDisc(x, y, 30, 30, 18) {
			return [3]uint8{220, 140, 40}
		}
		return [3]uint8{40, 60, 160}
	})
}

// labelled is a trimap from what is foreground at the start.
func labelled(isFore func(x, y int) bool) []uint8 {
	labels := make([]uint8, discSide*discSide)
	for i := range labels {
		labels[i] = likeBackground
		if isFore(i%discSide, i/discSide) {
			labels[i] = likeForeground
		}
	}
	return labels
}

// TestCutFindsTheTruth: from starts that are partly wrong, with nothing from the prior.
func TestCutFindsTheTruth(t *testing.T) {
	for name, start := range map[string]func(x, y int) bool{
		"shifted":   func(x, y int) bool { return imagingtest.InDisc(x, y, 38, 34, 18) },
		"small":     func(x, y int) bool { return imagingtest.InDisc(x, y, 30, 30, 6) },
		"large":     func(x, y int) bool { return imagingtest.InDisc(x, y, 30, 30, 25) },
		"rectangle": func(x, y int) bool { return x >= 8 && x < 52 && y >= 8 && y < 52 },
	} {
		labels := labelled(start)
		_, err := cut(t.Context(), new(maxflow.Grid), disc(), labels, make([]float32, len(labels)),
			cutOptions{iterations: 5, gamma: 8, prior: 1})
		if err != nil {
			t.Fatal(err)
		}
		wrong := 0
		for i, l := range labels {
			if (l == likeForeground) != imagingtest.InDisc(i%discSide, i/discSide, 30, 30, 18) {
				wrong++
			}
		}
		if wrong > 0 {
			t.Errorf("%s: %d pixels are wrong", name, wrong)
		}
	}
}

// TestCutKeepsWhatIsSure: also against the colours, and it pulls no neighbours across a clear edge.
func TestCutKeepsWhatIsSure(t *testing.T) {
	labels := labelled(func(x, y int) bool { return imagingtest.InDisc(x, y, 30, 30, 16) })
	patch := func(x, y int) bool { return x < 6 && y < 6 }
	hole := func(x, y int) bool { return x >= 28 && x < 33 && y >= 28 && y < 33 }
	for i := range labels {
		switch x, y := i%discSide, i/discSide; {
		case patch(x, y):
			labels[i] = sureForeground
		case hole(x, y):
			labels[i] = sureBackground
		}
	}
	if _, err := cut(t.Context(), new(maxflow.Grid), disc(), labels, make([]float32, len(labels)),
		cutOptions{iterations: 5, gamma: 8, prior: 1}); err != nil {
		t.Fatal(err)
	}
	for i, l := range labels {
		x, y := i%discSide, i/discSide
		if patch(x, y) != (l == sureForeground) || hole(x, y) != (l == sureBackground) {
			t.Fatalf("(%d, %d) became %d", x, y, l)
		}
	}
}

// TestCutByThePrior: where colours say nothing, its sign decides.
func TestCutByThePrior(t *testing.T) {
	k := picture.Reduced{20, 20, make([]uint8, 3*400)}
	labels, z := make([]uint8, 400), make([]float32, 400)
	for i := range labels {
		labels[i] = likeBackground + uint8(i%2)
		z[i] = -4
		if i%20 >= 10 {
			z[i] = 4
		}
	}
	if _, err := cut(t.Context(), new(maxflow.Grid), k, labels, z,
		cutOptions{iterations: 5, gamma: 1, prior: 1}); err != nil {
		t.Fatal(err)
	}
	for i, l := range labels {
		if (l == likeForeground) != (z[i] > 0) {
			t.Fatalf("pixel %d of log-odds %g became %d", i, z[i], l)
		}
	}
}

func TestCutOfOneSide(t *testing.T) {
	for _, label := range []uint8{sureBackground, sureForeground, likeBackground, likeForeground} {
		labels := make([]uint8, discSide*discSide)
		for i := range labels {
			labels[i] = label
		}
		if _, err := cut(t.Context(), new(maxflow.Grid),
			disc(), labels, make([]float32, len(labels)),
			cutOptions{iterations: 5, gamma: 8, prior: 1}); err != nil {
			t.Fatal(err)
		}
		for i, l := range labels {
			if l != label {
				t.Fatalf("pixel %d became %d, all were %d", i, l, label)
			}
		}
	}
}

func TestCutLooksAtTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	labels := labelled(func(x, _ int) bool { return x > 30 })
	if _, err := cut(ctx, new(maxflow.Grid), disc(), labels, make([]float32, len(labels)),
		cutOptions{iterations: 1, gamma: 8}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}
