package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// pictures are JPEG files to send: those of a folder, or else some of 1 megapixel that are drawn.
func pictures(folder string) ([][]byte, error) {
	var all [][]byte
	if folder != "" {
		names, err := filepath.Glob(filepath.Join(folder, "*.jpg"))
		if err != nil || len(names) == 0 {
			return nil, fmt.Errorf("-photos: no *.jpg in %s", folder)
		}
		for _, name := range names {
			data, err := os.ReadFile(filepath.Clean(name))
			if err != nil {
				return nil, err
			}
			all = append(all, data)
		}
		return all, nil
	}
	for i := range 8 {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, drawn(rand.New(rand.NewPCG(1, uint64(i))), 1152, 868), &jpeg.Options{Quality: 90}); err != nil {
			return nil, err
		}
		all = append(all, b.Bytes())
	}
	return all, nil
}

// drawn is a blob with a wavy edge before a ground of soft colours, both with grain as a photo has it.
func drawn(random *rand.Rand, width, height int) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	waves, phase := float64(3+random.IntN(9)), random.Float64()*6
	cx, cy := float64(width)*(0.4+0.2*random.Float64()), float64(height)*(0.4+0.2*random.Float64())
	hue := uint8(random.IntN(60))
	for y := range height {
		for x := range width {
			dx, dy := float64(x)-cx, float64(y)-cy
			edge := float64(height) * (0.28 + 0.04*math.Sin(waves*math.Atan2(dy, dx)+phase))
			grain := uint8(random.IntN(14))
			c := color.NRGBA{R: 70 + uint8(60*x/width) + grain, G: 110 + uint8(50*y/height) + grain, B: 120 + hue + grain, A: 255}
			if math.Hypot(dx, dy) < edge {
				c = color.NRGBA{R: 190 + grain, G: 40 + hue + grain, B: 40 + uint8(40*y/height) + grain, A: 255}
			}
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}
