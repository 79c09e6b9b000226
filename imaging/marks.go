package imaging

import (
	"image"
	"math"
)

func (h Hints) marks(part image.Rectangle, width, height int, imgWidth, imgHeight int) []uint8 {
	out := make([]uint8, width*height)
	for i := range out {
		out[i] = Unknown
	}
	fx, fy := float64(width)/float64(part.Dx()), float64(height)/float64(part.Dy())
	for _, s := range h.Strokes {
		v := Drop
		if s.Keep {
			v = Keep
		}
		r := max(s.Radius*fx, .5)
		for i, p := range s.Points {
			q := s.Points[min(i+1, len(s.Points)-1)]
			n := int(math.Hypot(q.X-p.X, q.Y-p.Y)*fx*2) + 1
			for j := 0; j <= n; j++ {
				t := float64(j) / float64(n)
				cx, cy := (p.X+(q.X-p.X)*t-float64(part.Min.X))*fx, (p.Y+(q.Y-p.Y)*t-float64(part.Min.Y))*fy
				for y := int(cy - r); y <= int(cy+r); y++ {
					for x := int(cx - r); x <= int(cx+r); x++ {
						if x >= 0 && y >= 0 && x < width && y < height && math.Hypot(float64(x)+.5-cx, float64(y)+.5-cy) <= r {
							out[y*width+x] = v
						}
					}
				}
			}
		}
	}
	return out
}
