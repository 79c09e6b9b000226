package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"image/png"
	"math/rand/v2"

	"bgremove/tools/photo"
)

// pictures is how many different ones are sent: a result that goes to the wrong job is noticed
// unless it is of the same one.
const pictures = 8

// picture is what a job sends and what it must get back.
type picture struct {
	name   string
	data   []byte
	body   []byte // of POST /start_job
	input  string // base64, as /get_job gives it back
	output string // the expected result, base64
}

// makePictures draws the pictures, the smallest a third of size (the longer
// side of the largest, px).
func makePictures(seed uint64, size int) ([]*picture, error) {
	random := rand.New(rand.NewPCG(seed, streamPictures))
	made := make([]*picture, pictures)
	for i := range made {
		side := size/3 + (size-size/3)*i/(pictures-1)
		width, height := side, side*3/4
		if i%3 == 2 {
			width, height = height, width
		}
		img := photo.Draw(random, width, height)
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

// expectResults asks each predictor directly for the result of each picture, twice. Results must be
// the same byte for byte, and those of different pictures different, or a wrong image could not be
// told from a right one.
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
					return fmt.Errorf(
						"results of %s differ between two predictions: they cannot be compared",
						p.name)
				}
			}
		}
		if other, ok := whose[p.output]; ok {
			return fmt.Errorf("%s and %s have the same result: use another seed or size",
				other, p.name)
		}
		whose[p.output] = p.name
	}
	return nil
}
