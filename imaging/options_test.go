package imaging

import (
	"errors"
	"strings"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

// TestBackgroundFaults are the option's, not the image's.
func TestBackgroundFaults(t *testing.T) {
	png := imagingtest.ReadTestdata(t, "scene.png")
	for says, file := range map[string][]byte{
		"bg_image: unsupported image format": []byte("text"),
		"bg_image: png: corrupt image":       imagingtest.Edit(png, 300, make([]byte, 100)...),
		"bg_image: image too large":          imagingtest.PNGHeader(60000, 60000),
	} {
		_, err := newRemover(t).Remove(t.Context(), png, option.Options{BackgroundImage: file})
		if !errors.Is(err, picture.ErrOption) || errors.Is(err, picture.ErrCorrupt) ||
			errors.Is(err, picture.ErrTooLarge) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want an ErrOption that says %q", err, says)
		}
	}
}

// TestRemoveDescribesTheResult: what is known of it goes through to the caller.
func TestRemoveDescribesTheResult(t *testing.T) {
	r := newRemover(t)
	whole, err := r.Remove(t.Context(), imagingtest.ReadTestdata(t, "jpeg-exif-6.jpg"),
		option.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cropped, err := r.Remove(t.Context(), imagingtest.ReadTestdata(t, "jpeg-exif-6.jpg"),
		option.Options{Crop: true})
	if err != nil {
		t.Fatal(err)
	}
	f := whole.Foreground
	if whole.Width != 120 || whole.Height != 90 || whole.Input != (Dimensions{120, 90}) ||
		f.Width < whole.Quality.Box.Width || f.Left > whole.Quality.Box.X {
		t.Errorf("%d×%d px of %+v, foreground %+v, quality %+v",
			whole.Width, whole.Height, whole.Input, f, whole.Quality)
	}
	if cropped.Width != f.Width || cropped.Height != f.Height ||
		cropped.Foreground != (Area{0, 0, f.Width, f.Height}) || cropped.Input != whole.Input {
		t.Errorf("cropped: %d×%d px, foreground %+v; the whole has %+v",
			cropped.Width, cropped.Height, cropped.Foreground, f)
	}
	if cropped.Engine != whole.Engine || cropped.Quality.Box != whole.Quality.Box ||
		cropped.Quality.Confidence != whole.Quality.Confidence {
		t.Errorf("%s, %+v; want as the whole, %s, %+v",
			cropped.Engine, cropped.Quality, whole.Engine, whole.Quality)
	}
}
