package picture

import (
	"bytes"
	"context"
	"errors"
	"image"
	"math"
	"math/rand/v2"
	"testing"
)

// drawn shows marks as rows of text: # kept, - dropped, . unknown.
func drawn(marks []uint8, width int) string {
	var out bytes.Buffer
	for i, m := range marks {
		if i > 0 && i%width == 0 {
			out.WriteByte('\n')
		}
		out.WriteByte(map[uint8]byte{Keep: '#', Drop: '-', Unknown: '.'}[m])
	}
	return out.String()
}

func TestMarks(t *testing.T) {
	mask := &Mask{Width: 2, Height: 2, Pix: []uint8{Keep, Unknown, Unknown, Drop}}
	whole := image.Rect(0, 0, 6, 4)
	line := func(keep bool, radius float64, points ...Point) Stroke {
		return Stroke{keep, radius, points}
	}
	tests := []struct {
		name          string
		hints         Hints
		part          image.Rectangle
		width, height int
		want          string
	}{
		{"nothing", Hints{}, whole, 3, 2, "...\n..."},
		{"a mask", Hints{Mask: mask}, whole, 6, 4, "###...\n###...\n...---\n...---"},
		{"a part of a mask", Hints{Mask: mask}, image.Rect(2, 1, 5, 3), 3, 2, "#..\n.--"},
		{
			"a dot",
			Hints{Strokes: []Stroke{line(true, 1, Point{2.5, 1.5})}},
			whole, 6, 4, "..#...\n.###..\n..#...\n......",
		},
		{
			"a dot that covers no centre",
			Hints{Strokes: []Stroke{line(true, .1, Point{1.9, 1.9})}},
			whole, 3, 2, "#..\n...",
		},
		{
			"a thin line on a coarse grid",
			Hints{Strokes: []Stroke{line(false, .1, Point{.5, 2.1}, Point{5.5, .1})}},
			whole, 3, 2, "---\n-..",
		},
		{
			"a brush",
			Hints{Strokes: []Stroke{line(true, 1.1, Point{1.5, 1.5}, Point{3.5, 1.5})}},
			whole, 6, 4, ".###..\n#####.\n.###..\n......",
		},
		{"later over earlier over the mask", Hints{Mask: mask, Strokes: []Stroke{
			line(false, .2, Point{.5, .5}, Point{5.5, .5}),
			line(true, .2, Point{3.5, .5}, Point{3.5, 3.5}),
		}}, whole, 6, 4, "---#--\n####..\n...#--\n...#--"},
		{
			"outside",
			Hints{Strokes: []Stroke{line(true, 2, Point{-50, -50}, Point{1e300, -40}), line(true,
				math.NaN(), Point{math.NaN(), 1})}},
			whole, 3, 2, "...\n...",
		},
		{
			"across from far",
			Hints{Strokes: []Stroke{line(true, .2, Point{-1e9, 1.5}, Point{1e9, 1.5})}},
			whole, 6, 4, "......\n######\n......\n......",
		},
		{"no points", Hints{Strokes: []Stroke{line(true, 2)}}, whole, 3, 2, "...\n..."},
	}
	for _, tt := range tests {
		got := drawn(
			mustMarks(t, tt.hints, tt.part, tt.width, tt.height, whole.Dx(), whole.Dy()), tt.width)
		if got != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}

// TestMarksByDistance: a cell whose centre the brush covers is marked, whichever way the line lies;
// one that is further off than half its diagonal is not.
func TestMarksByDistance(t *testing.T) {
	const w, h, radius = 40, 30, 4.3
	a, b := Point{5.2, 22.7}, Point{31.4, 6.1}
	for _, ends := range [][2]Point{{a, b}, {b, a}, {a, a}, {{a.X, b.Y}, b}, {{a.X, b.Y}, a}} {
		hints := Hints{Strokes: []Stroke{{Keep: true, Radius: radius, Points: ends[:]}}}
		marks := mustMarks(t, hints, image.Rect(0, 0, w, h), w, h, w, h)
		for i, m := range marks {
			d := distance(Point{float64(i%w) + .5, float64(i/w) + .5}, ends[0], ends[1])
			if d < radius-1e-9 && m != Keep || d > radius+1e-9 && m != Unknown {
				t.Errorf("line %v: cell %d, %d at %.3f px is %d", ends, i%w, i/w, d, m)
			}
		}
	}
}

func distance(p, a, b Point) float64 {
	dx, dy := b.X-a.X, b.Y-a.Y
	at := 0.
	if n := dx*dx + dy*dy; n > 0 {
		at = min(max(((p.X-a.X)*dx+(p.Y-a.Y)*dy)/n, 0), 1)
	}
	return math.Hypot(p.X-a.X-at*dx, p.Y-a.Y-at*dy)
}

func mustMarks(
	t testing.TB, h Hints, part image.Rectangle, width, height, imgWidth, imgHeight int,
) []uint8 {
	t.Helper()
	m, err := h.Marks(t.Context(), part, width, height, imgWidth, imgHeight)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestMarksCoverAlike: what a stroke has covered is not drawn again, and every cell that a slow
// brush marks is marked.
func TestMarksCoverAlike(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		const w, h = 40, 30
		s := Stroke{Keep: true, Radius: rng.Float64() * 6}
		for range 1 + rng.IntN(6) {
			s.Points = append(s.Points, Point{rng.Float64()*60 - 10, rng.Float64()*50 - 10})
		}
		got := mustMarks(t, Hints{Strokes: []Stroke{s}}, image.Rect(0, 0, w, h), w, h, w, h)
		want := bytes.Repeat([]uint8{Unknown}, w*h)
		for i := range s.Points { // each piece by itself: nothing is covered before
			piece := Stroke{Keep: true, Radius: s.Radius, Points: s.Points[max(i-1, 0) : i+1]}
			if i == 0 && len(s.Points) > 1 {
				continue
			}
			for j, m := range mustMarks(t, Hints{Strokes: []Stroke{piece}},
				image.Rect(0, 0, w, h), w, h, w, h) {
				if m == Keep {
					want[j] = Keep
				}
			}
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%+v: other cells than its pieces", s)
		}
	}
}

// TestMarksLookAtTheContext: a small request can ask for much drawing; a
// caller that leaves ends it.
func TestMarksLookAtTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := Hints{Strokes: []Stroke{{Keep: true, Radius: 2000, Points: make([]Point, 20_000)}}}
	if _, err := h.Marks(ctx, image.Rect(0, 0, 9, 9), 9, 9, 9, 9); !errors.Is(err,
		context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}

func BenchmarkMarks(b *testing.B) {
	s := Stroke{Keep: true, Radius: 2000}
	for i := range 20_000 {
		s.Points = append(s.Points, Point{float64(i % 800), float64(i / 25 % 600)})
	}
	for b.Loop() {
		mustMarks(b, Hints{Strokes: []Stroke{s}}, image.Rect(0, 0, 800, 600), 400, 300, 800, 600)
	}
}
