package imaging

import (
	"errors"
	"strings"
	"testing"
)

// TestBackgroundFaults are the option's, not the image's.
func TestBackgroundFaults(t *testing.T) {
	png := readTestdata(t, "scene.png")
	for says, file := range map[string][]byte{
		"bg_image: unsupported image format": []byte("text"),
		"bg_image: png: corrupt image":       edit(png, 300, make([]byte, 100)...),
		"bg_image: image too large":          pngHeader(60000, 60000),
	} {
		_, err := newRemover(t).Remove(t.Context(), png, Options{BackgroundImage: file})
		if !errors.Is(err, ErrOption) || errors.Is(err, ErrCorrupt) || errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want an ErrOption that says %q", err, says)
		}
	}
}

// TestRemoveDescribesTheResult: what is known of it goes through to the caller.
func TestRemoveDescribesTheResult(t *testing.T) {
	r := newRemover(t)
	whole, err := r.Remove(t.Context(), readTestdata(t, "jpeg-exif-6.jpg"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	cropped, err := r.Remove(t.Context(), readTestdata(t, "jpeg-exif-6.jpg"), Options{Crop: true})
	if err != nil {
		t.Fatal(err)
	}
	f := whole.Foreground
	if whole.Width != 120 || whole.Height != 90 || whole.Input != (Dimensions{120, 90}) || f.Width < whole.Quality.Box.Width || f.Left > whole.Quality.Box.X {
		t.Errorf("%d×%d px of %+v, foreground %+v, quality %+v", whole.Width, whole.Height, whole.Input, f, whole.Quality)
	}
	if cropped.Width != f.Width || cropped.Height != f.Height || cropped.Foreground != (Area{0, 0, f.Width, f.Height}) || cropped.Input != whole.Input {
		t.Errorf("cropped: %d×%d px, foreground %+v; the whole has %+v", cropped.Width, cropped.Height, cropped.Foreground, f)
	}
	if cropped.Engine != whole.Engine || cropped.Quality.Box != whole.Quality.Box || cropped.Quality.Confidence != whole.Quality.Confidence {
		t.Errorf("%s, %+v; want as the whole, %s, %+v", cropped.Engine, cropped.Quality, whole.Engine, whole.Quality)
	}
}
