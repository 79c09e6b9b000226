// Package photo draws pictures that are to the engines much as photos are.
package photo

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
)

// Draw returns a blob with a wavy edge before a ground of soft colours, both with grain as a photo
// has it.
func Draw(random *rand.Rand, width, height int) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	waves, phase := float64(3+random.IntN(9)), random.Float64()*6
	cx := float64(width) * (0.4 + 0.2*random.Float64())
	cy := float64(height) * (0.4 + 0.2*random.Float64())
	hue := uint8(random.IntN(60))
	for y := range height {
		for x := range width {
			dx, dy := float64(x)-cx, float64(y)-cy
			wave := math.Sin(waves*math.Atan2(dy, dx) + phase)
			grain := uint8(random.IntN(14))
			c := color.NRGBA{
				R: 70 + uint8(60*x/width), G: 110 + uint8(50*y/height), B: 120 + hue, A: 255,
			}
			if math.Hypot(dx, dy) < float64(min(width, height))*(0.28+0.04*wave) {
				c = color.NRGBA{R: 190, G: 40 + hue, B: 40 + uint8(40*y/height), A: 255}
			}
			img.SetNRGBA(x, y, color.NRGBA{R: c.R + grain, G: c.G + grain, B: c.B + grain, A: 255})
		}
	}
	return img
}
