package picture

import "image"

// Piece is a connected set of pixels.
type Piece struct {
	Area int
	Box  image.Rectangle
}

// Pieces are what Label found.
type Pieces struct {
	Of    []int32 // of each pixel: its piece counted from 1, or 0
	Found []Piece
}

// Marked tells which pieces have a mark of that value in them.
func (p *Pieces) Marked(marks []uint8, value uint8) []bool {
	out := make([]bool, len(p.Found))
	for i, m := range marks {
		if l := p.Of[i]; l > 0 && m == value {
			out[l-1] = true
		}
	}
	return out
}

// Label finds the connected pieces of the pixels that have a value; diagonal says that corners
// connect. Pieces are in the order of their first pixels, row by row.
func Label(mask []uint8, width, height int, value uint8, diagonal bool) Pieces {
	runs := runsOf(mask, width, height, value)
	reach := 0
	if diagonal {
		reach = 1
	}
	above := 0 // the first run of the row above that may touch
	for i := range runs {
		r := &runs[i]
		for runs[above].y < r.y-1 || runs[above].y == r.y-1 && runs[above].end+reach <= r.start {
			above++
		}
		for j := above; j < i && runs[j].y == r.y-1 && runs[j].start < r.end+reach; j++ {
			join(runs, i, j)
		}
	}
	p := Pieces{Of: make([]int32, len(mask))}
	number := make([]int32, len(runs)) // of the piece that a run is the first of
	for i, r := range runs {
		first := root(runs, i)
		if number[first] == 0 {
			p.Found = append(p.Found, Piece{})
			number[first] = int32(len(p.Found))
		}
		found := &p.Found[number[first]-1]
		found.Area += r.end - r.start
		found.Box = found.Box.Union(image.Rect(r.start, r.y, r.end, r.y+1))
		for x := r.start; x < r.end; x++ {
			p.Of[r.y*width+x] = number[first]
		}
	}
	return p
}

// run is a stretch of a row. parent is an earlier run of the same piece, or the run itself: a
// forest as in R. Tarjan, "Efficiency of a Good But Not Linear Set Union Algorithm" (1975).
type run struct {
	y, start, end int
	parent        int
}

func runsOf(mask []uint8, width, height int, value uint8) []run {
	var runs []run
	for y := range height {
		row := mask[y*width:][:width]
		for x := 0; x < width; {
			if row[x] != value {
				x++
				continue
			}
			start := x
			for x < width && row[x] == value {
				x++
			}
			runs = append(runs, run{y, start, x, len(runs)})
		}
	}
	return runs
}

func root(runs []run, i int) int {
	for runs[i].parent != i {
		runs[i].parent = runs[runs[i].parent].parent
		i = runs[i].parent
	}
	return i
}

// join makes one piece of two. The earlier run is its root.
func join(runs []run, i, j int) {
	a, b := root(runs, i), root(runs, j)
	runs[max(a, b)].parent = min(a, b)
}
