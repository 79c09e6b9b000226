package compose

import (
	"slices"
	"testing"

	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

func TestComposeHardMatte(t *testing.T) {
	img := &picture.Image{Width: 3, Height: 1, Pix: []uint8{1, 2, 3, 4, 5, 6, 7, 8, 9}}
	c := newComposer(img, &picture.Matte{Width: 3, Height: 1, Alpha: []uint8{255, 0, 128}})
	c.background = option.Colour{100, 0, 255}
	rgba, rgb, grey := make([]uint8, 12), make([]uint8, 9), make([]uint8, 3)
	c.rgba(0, rgba)
	if want := []uint8{1, 2, 3, 255, 0, 0, 0, 0, 7, 8, 9, 128}; !slices.Equal(rgba, want) {
		t.Errorf("RGBA %v, want %v", rgba, want)
	}
	c.rgb(0, rgb)
	if want := []uint8{1, 2, 3, 100, 0, 255, 53, 4, 132}; !slices.Equal(rgb, want) {
		t.Errorf("RGB %v, want %v", rgb, want)
	}
	c.grey(0, grey)
	if want := []uint8{255, 0, 128}; !slices.Equal(grey, want) {
		t.Errorf("grey %v, want %v", grey, want)
	}
}

// TestComposeKeepsTheImagesAlpha: nowhere more opaque than the image, and no colour
// where nothing is left.
func TestComposeKeepsTheImagesAlpha(t *testing.T) {
	img := &picture.Image{
		Width: 3, Height: 1, Pix: []uint8{1, 2, 3, 4, 5, 6, 7, 8, 9}, Alpha: []uint8{128, 0, 255},
	}
	c := newComposer(img, &picture.Matte{Width: 3, Height: 1, Alpha: []uint8{255, 255, 7}})
	rgba, grey := make([]uint8, 12), make([]uint8, 3)
	c.rgba(0, rgba)
	if want := []uint8{1, 2, 3, 128, 0, 0, 0, 0, 7, 8, 9, 7}; !slices.Equal(rgba, want) {
		t.Errorf("RGBA %v, want %v", rgba, want)
	}
	c.grey(0, grey)
	if want := []uint8{128, 0, 7}; !slices.Equal(grey, want) {
		t.Errorf("grey %v, want %v", grey, want)
	}
}
