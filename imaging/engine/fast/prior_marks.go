package fast

import "bgremove/imaging/picture"

// addMarks joins what the marks say to the log-odds z of a network. Where there are marks of both
// kinds, the network counts the less the oftener it contradicts them, but never for nothing; marks
// of one kind correct it where they are, and say nothing of it elsewhere.
func addMarks(z []float32, v view) {
	const (
		most   = 4  // of the network's log-odds
		least  = .1 // of its weight
		weight = .5 // of the marks
	)
	var right, all [2]float32 // of Drop, of Keep
	for i, m := range v.marks {
		if m == picture.Unknown {
			continue
		}
		side := 0
		if m == picture.Keep {
			side = 1
		}
		all[side]++
		if (m == picture.Keep) == (z[i] > 0) {
			right[side]++
		}
	}
	trust := float32(1)
	if all[0] > 0 && all[1] > 0 {
		share := (right[0] + right[1]) / (all[0] + all[1])
		trust = max(share*share, least)
	}
	for i, add := range (marksPrior{}).LogOdds(v).V {
		z[i] = min(max(z[i], -most), most)*trust + weight*add
	}
}

// marksPrior spreads what a caller marked as foreground and background over the picture: a pixel is
// likely what it can be reached from without crossing a change of colour.
type marksPrior struct{}

// LogOdds is the difference of the pixel's barrier distances to the two kinds of marks, scaled.
// With marks of one kind only there is nothing to compare, and it is 0.
func (marksPrior) LogOdds(v view) picture.Grid {
	const (
		perDistance = 1. / 20 // of 8-bit levels, summed over three channels
		most        = 3
	)
	z := picture.NewGrid(v.k.Width, v.k.Height, 1)
	channels := labOf(v.k)
	keep, drop := barriers(v, channels, picture.Keep), barriers(v, channels, picture.Drop)
	if keep == nil || drop == nil {
		return z
	}
	for i := range z.V {
		z.V[i] = min(max(float32(drop[i]-keep[i])*perDistance, -most), most)
	}
	return z
}

// barriers are the minimum barrier distances from the marks of one value, summed over the channels:
// the least difference between the brightest and the darkest pixel of any path. By four raster
// passes, as J. Zhang et al., "Minimum Barrier Salient Object Detection at 80 FPS" (ICCV 2015). nil
// where there is no such mark.
func barriers(v view, channels [3][]uint8, value uint8) []int32 {
	const (
		passes = 4
		far    = 1 << 20
	)
	sum := make([]int32, len(v.marks))
	distance := make([]int32, len(v.marks))
	high, low := make([]uint8, len(v.marks)), make([]uint8, len(v.marks))
	found := false
	for _, channel := range channels {
		copy(high, channel)
		copy(low, channel)
		for i, m := range v.marks {
			distance[i] = far
			if m == value {
				distance[i], found = 0, true
			}
		}
		if !found {
			return nil
		}
		s := scan{v.k.Width, v.k.Height, channel, distance, high, low}
		for pass := range passes {
			if pass%2 == 0 {
				s.down()
			} else {
				s.up()
			}
		}
		for i, d := range distance {
			sum[i] += d
		}
	}
	return sum
}

// scan is one channel with, for each pixel, the best path so far: its distance, its brightest
// and its darkest pixel.
type scan struct {
	width, height int
	channel       []uint8
	distance      []int32
	high, low     []uint8
}

// extend offers pixel i the path of its neighbour j.
func (s *scan) extend(i, j int) {
	high, low := max(s.high[j], s.channel[i]), min(s.low[j], s.channel[i])
	if d := int32(high) - int32(low); d < s.distance[i] && s.distance[j] < 1<<20 {
		s.distance[i], s.high[i], s.low[i] = d, high, low
	}
}

func (s *scan) down() {
	for i := range s.channel {
		if i%s.width > 0 {
			s.extend(i, i-1)
		}
		if i >= s.width {
			s.extend(i, i-s.width)
		}
	}
}

func (s *scan) up() {
	for i := len(s.channel) - 1; i >= 0; i-- {
		if i%s.width < s.width-1 {
			s.extend(i, i+1)
		}
		if i < len(s.channel)-s.width {
			s.extend(i, i+s.width)
		}
	}
}
