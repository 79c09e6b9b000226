package imaging

import (
	"errors"
	"testing"
)

func FuzzBackground(f *testing.F) {
	addPictures(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		back, err := readBackground(file, Limits{MaxPixels: 12000}, 31, 17)
		if err != nil {
			if !errors.Is(err, ErrOption) || errors.Is(err, ErrCorrupt) {
				t.Errorf("error %v, want ErrOption alone", err)
			}
			return
		}
		rendering{width: 31, height: 17, channels: 3, row: back}.pixels()
	})
}
