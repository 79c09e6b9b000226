package fast

import (
	"math"

	"bgremove/imaging/picture"
)

// lab is the picture in CIELAB (D65), its three channels scaled to 0..255 as OpenCV does:
// L·255/100, a+128, b+128. Distances of colours in it are close to how different they look.
func labOf(k picture.Reduced) (channels [3][]uint8) {
	for c := range channels {
		channels[c] = make([]uint8, k.Width*k.Height)
	}
	var linear [256]float32 // sRGB's transfer function, IEC 61966-2-1
	for i := range linear {
		if v := float64(i) / 255; v <= .04045 {
			linear[i] = float32(v / 12.92)
		} else {
			linear[i] = float32(math.Pow((v+.055)/1.055, 2.4))
		}
	}
	root := newLabRoot()
	for i := range channels[0] {
		r, g, b := linear[k.Pix[3*i]], linear[k.Pix[3*i+1]], linear[k.Pix[3*i+2]]
		x := root.at((.412453*r + .357580*g + .180423*b) / .950456)
		y := root.at(.212671*r + .715160*g + .072169*b)
		z := root.at((.019334*r + .119193*g + .950227*b) / 1.088754)
		channels[0][i] = level((116*y - 16) * 255 / 100)
		channels[1][i] = level(500*(x-y) + 128)
		channels[2][i] = level(200*(y-z) + 128)
	}
	return channels
}

func level(v float32) uint8 { return uint8(min(max(v+.5, 0), 255)) }

// labRoot is a table of CIELAB's f over 0..1: a cube root, and linear near 0.
type labRoot [labSteps + 2]float32

const labSteps = 1024

func newLabRoot() *labRoot {
	t := new(labRoot)
	for i := range t {
		if v := float64(i) / labSteps; v > .008856 {
			t[i] = float32(math.Cbrt(v))
		} else {
			t[i] = float32(7.787*v + 16./116)
		}
	}
	return t
}

func (t *labRoot) at(v float32) float32 {
	v = min(max(v, 0), 1) * labSteps
	i := int(v)
	return t[i] + (t[i+1]-t[i])*(v-float32(i))
}
