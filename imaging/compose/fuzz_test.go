package compose

import (
	"errors"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

func FuzzBackground(f *testing.F) {
	imagingtest.AddPictures(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		back, err := readBackground(file, picture.Limits{MaxPixels: 12000}, 31, 17)
		if err != nil {
			if !errors.Is(err, picture.ErrOption) || errors.Is(err, picture.ErrCorrupt) {
				t.Errorf("error %v, want ErrOption alone", err)
			}
			return
		}
		rendering{width: 31, height: 17, channels: 3, row: back}.pixels()
	})
}
