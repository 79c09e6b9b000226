//go:build cgo

package main

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/image/draw"

	"bgremove/imaging"
	"bgremove/imaging/codec"
	"bgremove/imaging/picture"
)

// megapixels are the sizes that photos are measured at.
var megapixels = []float64{.25, 1, 4, 12}

// mostPhotos is how many are measured: the largest in bytes, which are those with most detail.
const mostPhotos = 3

// preparePhotos writes the photos at every size, as JPEG.
func preparePhotos(o options) error {
	files, err := filepath.Glob(filepath.Join(o.photos, "photos", "images", "*.jpg"))
	if err != nil || len(files) < mostPhotos {
		return fmt.Errorf("%d photos in %s, at least %d are needed",
			len(files), filepath.Join(o.photos, "photos", "images"), mostPhotos)
	}
	sizes := map[string]int64{}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			return err
		}
		sizes[f] = info.Size()
	}
	slices.SortFunc(files, func(a, b string) int { return int(sizes[b] - sizes[a]) })
	for i, f := range files[:mostPhotos] {
		data, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		m, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		for _, mp := range megapixels {
			if err := writeScaled(photoFile(o, i, mp), m, mp); err != nil {
				return err
			}
		}
	}
	return nil
}

func photoFile(o options, i int, mp float64) string {
	return inWork(o, fmt.Sprintf("photo-%d-%g.jpg", i, mp))
}

func writeScaled(name string, m image.Image, mp float64) error {
	const quality = 90
	b := m.Bounds()
	f := math.Sqrt(mp * 1e6 / float64(b.Dx()*b.Dy()))
	out := image.NewRGBA(image.Rect(0, 0, int(float64(b.Dx())*f), int(float64(b.Dy())*f)))
	draw.CatmullRom.Scale(out, out.Bounds(), m, b, draw.Src, nil)
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, out, &jpeg.Options{Quality: quality}); err != nil {
		return err
	}
	return os.WriteFile(name, buf.Bytes(), 0o644)
}

// decode reads a file into pixels.
func decode(data []byte) (*picture.Image, error) {
	info, err := codec.Inspect(data, imaging.DefaultConfig().Limits())
	if err != nil {
		return nil, err
	}
	return codec.Decode(data, info)
}
