package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
)

// pictures is how many different ones are sent: a result that goes to the wrong job is noticed unless it is of the same one.
const pictures = 8

// picture is what a job sends and what it must get back.
type picture struct {
	name   string
	data   []byte
	body   []byte // of POST /start_job
	input  string // base64, as /get_job gives it back
	output string // the expected result, base64
}

// makePictures draws shapes on noise, the smallest a third of size (the longer side of the largest, px).
func makePictures(seed uint64, size int) ([]*picture, error) {
	random := rand.New(rand.NewPCG(seed, streamPictures))
	made := make([]*picture, pictures)
	for i := range made {
		side := size/3 + (size-size/3)*i/(pictures-1)
		width, height := side, side*3/4
		if i%3 == 2 {
			width, height = height, width
		}
		img := draw(random, width, height, i)
		var data bytes.Buffer
		format, err := "jpeg", error(nil)
		if i%4 == 3 {
			format, err = "png", png.Encode(&data, img)
		} else {
			err = jpeg.Encode(&data, img, &jpeg.Options{Quality: 90})
		}
		if err != nil {
			return nil, fmt.Errorf("draw a picture: %w", err)
		}
		p := &picture{
			name: fmt.Sprintf("%dx%d.%s", width, height, format), data: data.Bytes(),
			input: base64.StdEncoding.EncodeToString(data.Bytes()),
		}
		if p.body, err = json.Marshal(map[string]string{"image": p.input}); err != nil {
			return nil, err
		}
		made[i] = p
	}
	return made, nil
}

// draw makes one shape in the middle third, an ellipse, a box or a triangle, that stands out from a noisy ground.
func draw(random *rand.Rand, width, height, kind int) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	subject := color.NRGBA{R: 150 + uint8(random.IntN(80)), G: uint8(20 + random.IntN(80)), B: uint8(20 + random.IntN(60)), A: 255}
	ground := color.NRGBA{R: uint8(60 + random.IntN(40)), G: uint8(120 + random.IntN(60)), B: uint8(130 + random.IntN(80)), A: 255}
	cx, cy := float64(width)*(0.4+0.2*random.Float64()), float64(height)*(0.4+0.2*random.Float64())
	rx, ry := float64(width)*(0.18+0.1*random.Float64()), float64(height)*(0.22+0.1*random.Float64())
	for y := range height {
		for x := range width {
			dx, dy := (float64(x)-cx)/rx, (float64(y)-cy)/ry
			c, noise := ground, 12
			if inside(kind, dx, dy) {
				c, noise = subject, 4
			}
			n := uint8(random.IntN(noise))
			img.SetNRGBA(x, y, color.NRGBA{R: c.R + n, G: c.G + n, B: c.B + n, A: 255})
		}
	}
	return img
}

// inside takes coordinates in half-axes of the shape from its middle.
func inside(kind int, dx, dy float64) bool {
	switch kind % 3 {
	case 0:
		return dx*dx+dy*dy < 1
	case 1:
		return max(dx, -dx) < 1 && max(dy, -dy) < 1
	default:
		return dy < 1 && dy > -1 && max(dx, -dx) < (dy+1)/2
	}
}

// expectResults asks each predictor directly for the result of each picture, twice. Results must be the same byte for byte, and
// those of different pictures different, or a wrong image could not be told from a right one.
func expectResults(ctx context.Context, c *client, predictors []string, all []*picture) error {
	whose := map[string]string{}
	for _, p := range all {
		for range 2 {
			for _, url := range predictors {
				result, err := c.predict(ctx, url, p.data)
				if err != nil {
					return fmt.Errorf("direct result of %s: %w", p.name, err)
				}
				text := base64.StdEncoding.EncodeToString(result)
				if p.output == "" {
					p.output = text
				} else if p.output != text {
					return fmt.Errorf("results of %s differ between two predictions: they cannot be compared", p.name)
				}
			}
		}
		if other, ok := whose[p.output]; ok {
			return fmt.Errorf("%s and %s have the same result: use another seed or size", other, p.name)
		}
		whose[p.output] = p.name
	}
	return nil
}
