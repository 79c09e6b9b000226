package eval

import (
	"math"
	"reflect"
	"testing"

	"bgremove/imaging/picture"
)

func TestBoxROI(t *testing.T) {
	box := newMask(100, 80, func(x, y int) bool { return x >= 20 && x < 60 && y >= 50 && y < 70 })
	for _, test := range []struct {
		name  string
		truth *picture.Matte
		widen float64
		want  string
	}{
		{"exact", box, 0, "20px 50px 60px 70px"},
		{"widened", box, .1, "16px 48px 64px 72px"},
		{"clamped", box, 1, "0px 30px 100px 80px"},
		{"one pixel", mask("...", "..#"), .07, "2px 1px 3px 2px"},
		{"nothing", mask("..."), .07, ""},
	} {
		got := BoxROI(test.truth, test.widen)
		if got.String() != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
		if _, err := got.Rect(test.truth.Width, test.truth.Height); !got.IsZero() && err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// Every stroke is wholly on its side, there are few, they cover little, and
// each call draws the same.
func TestSparseStrokes(t *testing.T) {
	disc := func(width, height int, r float64) *picture.Matte {
		return newMask(width, height, func(x, y int) bool {
			return math.Hypot(float64(x-width/2), float64(y-height/2)) < r*float64(
				min(width, height))
		})
	}
	type shape struct {
		name       string
		truth      *picture.Matte
		keep, drop bool // there are such strokes
	}
	shapes := []shape{
		{"disc", disc(120, 90, .3), true, true},
		{"large disc", disc(1203, 901, .3), true, true},
		{"disc in a long picture", disc(600, 60, .4), true, true},
		{"disc in a high picture", disc(60, 600, .4), true, true},
		{"thin line", newMask(300, 200, func(x, _ int) bool { return x == 100 }), false, true},
		{
			"thin bar",
			newMask(300, 200, func(x, _ int) bool { return x >= 100 && x < 114 }), true, true,
		},
		{"nothing", disc(120, 90, 0), false, true},
		{"everything", disc(120, 90, 9), true, false},
		{"one pixel", mask("#"), false, false},
		{"half", newMask(120, 90, func(x, _ int) bool { return x < 60 }), true, true},
	}
	for seed := range uint64(20) {
		shapes = append(shapes, shape{"blobs", blobs(400, 300, seed), true, true})
	}
	for _, s := range shapes {
		strokes := SparseStrokes(s.truth)
		if !reflect.DeepEqual(strokes, SparseStrokes(s.truth)) {
			t.Errorf("%s: not the same twice", s.name)
		}
		keep, drop := 0, 0
		for _, stroke := range strokes {
			if stroke.Keep {
				keep++
			} else {
				drop++
			}
		}
		if keep > 3 || drop > 3 || (keep > 0) != s.keep || (drop > 0) != s.drop {
			t.Errorf("%s: %d strokes to keep and %d to drop", s.name, keep, drop)
		}
		covered := 0
		for i, a := range s.truth.Alpha {
			x, y := float64(i%s.truth.Width)+.5, float64(i/s.truth.Width)+.5
			hit := false
			for _, stroke := range strokes {
				if distance(stroke.Points, x, y) > stroke.Radius {
					continue
				}
				hit = true
				if stroke.Keep != (a >= 128) {
					t.Fatalf("%s: a stroke, keep %v, on the other side at %v, %v",
						s.name, stroke.Keep, x, y)
				}
			}
			if hit {
				covered++
			}
		}
		if share := float64(covered) / float64(len(s.truth.Alpha)); share >= .02 ||
			share == 0 && len(strokes) > 0 {
			t.Errorf("%s: strokes on %.2f %% of the pixels", s.name, 100*share)
		}
	}
}

// distance is that of a place from a line of one or two points.
func distance(line []picture.Point, x, y float64) float64 {
	a, b := line[0], line[len(line)-1]
	t := 0.
	if dx, dy := b.X-a.X, b.Y-a.Y; dx != 0 || dy != 0 {
		t = min(max(((x-a.X)*dx+(y-a.Y)*dy)/(dx*dx+dy*dy), 0), 1)
	}
	return math.Hypot(x-a.X-t*(b.X-a.X), y-a.Y-t*(b.Y-a.Y))
}

// The first stroke of a lying bar lies, too, in its middle.
func TestStrokeFollowsTheShape(t *testing.T) {
	bar := newMask(200, 100, func(x, y int) bool { return x >= 40 && x < 160 && y >= 40 && y < 60 })
	first := SparseStrokes(bar)[0]
	a, b := first.Points[0], first.Points[1]
	if !first.Keep || math.Abs(a.Y-50) > 2 || math.Abs(b.Y-a.Y) > 1 || math.Abs(b.X-a.X) < 10 {
		t.Errorf("keep %v, from %v to %v", first.Keep, a, b)
	}
}
