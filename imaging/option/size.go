package option

import (
	"fmt"
	"math"
	"strings"

	"bgremove/imaging/picture"
)

// Bounds of Options.Size and Options.Scale.
const (
	minSize, maxSize   = .001, 1000 // megapixels
	minScale, maxScale = 10, 100    // percent
)

// sizes are the names of some numbers of megapixels, as remove.bg has them; 0 is all there are.
var sizes = []struct {
	name       string
	megapixels float64
}{
	{"preview", .25},
	{"small", .25},
	{"regular", .25},
	{"medium", 1.5},
	{"hd", 4},
	{"4k", 10},
	{"50MP", 50},
	{"full", 0},
	{"auto", 0},
}

func sizeNames() []string {
	var names []string
	for _, s := range sizes {
		names = append(names, s.name)
	}
	return names
}

// parseSize reads a name, in any case, or a number of megapixels.
func parseSize(s string) (float64, error) {
	for _, size := range sizes {
		if strings.EqualFold(s, size.name) {
			return size.megapixels, nil
		}
	}
	v, err := picture.ParsePlain(s)
	if err != nil {
		return 0, fmt.Errorf("%w: size: must be %s or a number of megapixels, is %.64q",
			picture.ErrOption, strings.Join(sizeNames(), ", "), s)
	}
	if v == 0 {
		return 0, sizeFault(v)
	}
	return v, checkSize(v)
}

// checkSize takes 0 for any size.
func checkSize(v float64) error {
	if v != 0 && !(v >= minSize && v <= maxSize) { // also NaN
		return sizeFault(v)
	}
	return nil
}

func sizeFault(v float64) error {
	return fmt.Errorf("%w: size: must be %v to %v megapixels, is %v",
		picture.ErrOption, minSize, maxSize, v)
}

// parseScale reads original, or the percentage.
func parseScale(s string) (float64, error) {
	if s == "original" {
		return 0, nil
	}
	v, err := parsePercent(s)
	if err != nil {
		return 0, fmt.Errorf("%w: scale: must be original or %v%% to %v%%, is %.64q",
			picture.ErrOption, minScale, maxScale, s)
	}
	if v == 0 {
		return 0, scaleFault(v)
	}
	return v, checkScale(v)
}

// checkScale takes 0 for as large as it is.
func checkScale(v float64) error {
	if v != 0 && !(v >= minScale && v <= maxScale) { // also NaN
		return scaleFault(v)
	}
	return nil
}

func scaleFault(v float64) error {
	return fmt.Errorf("%w: scale: must be original or %v%% to %v%%, is %v%%",
		picture.ErrOption, minScale, maxScale, v)
}

// FitPixels shrinks width×height px to at most so many megapixels, keeping their ratio; 0
// stands for any number.
func FitPixels(width, height int, megapixels float64) (w, h int) {
	most := megapixels * 1e6
	if most == 0 || float64(width)*float64(height) <= most {
		return width, height
	}
	f := math.Sqrt(most / (float64(width) * float64(height)))
	w, h = int(float64(width)*f+1e-9), int(float64(height)*f+1e-9) // 500 may be 499.999…
	// a side of less than one px stays, and the other gives way
	switch {
	case w < 1:
		return 1, min(height, int(most))
	case h < 1:
		return min(width, int(most)), 1
	}
	return w, h
}
