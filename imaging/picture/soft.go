package picture

import (
	"encoding/binary"
	"image"
	"math"
)

// softRuns tells each stretch of a row of alpha that is neither 0 nor 255 throughout. It passes
// over eight pixels at a time where they are all background or all foreground.
func softRuns(row []uint8, found func(from, to int)) {
	for x := 0; x < len(row); {
		if x+8 <= len(row) {
			if v := binary.LittleEndian.Uint64(row[x:]); v == 0 || v == math.MaxUint64 {
				x += 8
				continue
			}
		}
		start := x
		for x < len(row) && row[x] != 0 && row[x] != 255 {
			x++
		}
		if x > start {
			found(start, x)
		} else {
			x++
		}
	}
}

// Box returns the smallest rectangle around all pixels whose alpha is not 0.
func (m *Matte) Box(cores int) (box image.Rectangle) {
	rows := make([]image.Rectangle, m.Height)
	InParallel(cores, m.Height, func(first, end int) {
		for y := first; y < end; y++ {
			row := m.Alpha[y*m.Width:][:m.Width]
			from, to := 0, len(row)
			for to-from >= 8 && binary.LittleEndian.Uint64(row[from:]) == 0 {
				from += 8
			}
			for from < to && row[from] == 0 {
				from++
			}
			for to-from >= 8 && binary.LittleEndian.Uint64(row[to-8:]) == 0 {
				to -= 8
			}
			for to > from && row[to-1] == 0 {
				to--
			}
			if to > from {
				rows[y] = image.Rect(from, y, to, y+1)
			}
		}
	})
	for _, r := range rows {
		box = box.Union(r)
	}
	return box
}

// SoftCells divides a part of the matte into width×height cells. It returns, for each, whether a
// soft pixel lies in it or in one of the eight around it: there colours are interpolated.
func (m *Matte) SoftCells(part image.Rectangle, width, height, cores int) []bool {
	soft := make([]bool, width*height)
	InParallel(cores, height, func(first, end int) {
		for y := first; y < end; y++ {
			top, bottom := y*part.Dy()/height, (y+1)*part.Dy()/height
			for v := top; v < max(bottom, top+1); v++ {
				row := m.Alpha[(part.Min.Y+v)*m.Width+part.Min.X:][:part.Dx()]
				softRuns(row, func(from, to int) {
					for x := from * width / len(row); x <= (to-1)*width/len(row); x++ {
						soft[y*width+x] = true
					}
				})
			}
		}
	})
	return dilated(soft, width, height)
}

// dilated returns the cells that are set or beside one that is.
func dilated(cells []bool, width, height int) []bool {
	out := make([]bool, len(cells))
	for i, set := range cells {
		if !set {
			continue
		}
		x, y := i%width, i/width
		for v := max(y-1, 0); v < min(y+2, height); v++ {
			for u := max(x-1, 0); u < min(x+2, width); u++ {
				out[v*width+u] = true
			}
		}
	}
	return out
}

// Sample returns the mean alpha, 0 to 1, of each of width×height cells of a part, of nine samples.
func (m *Matte) Sample(part image.Rectangle, width, height int) []float32 {
	out := make([]float32, width*height)
	columns, rows := samplesOf(part.Min.X, part.Dx(), width), samplesOf(part.Min.Y,
		part.Dy(), height)
	for y, vs := range rows {
		for x, us := range columns {
			var sum int
			for _, v := range vs {
				row := m.Alpha[v*m.Width:]
				sum += int(row[us[0]]) + int(row[us[1]]) + int(row[us[2]])
			}
			out[y*width+x] = float32(sum) / (9 * 255)
		}
	}
	return out
}
