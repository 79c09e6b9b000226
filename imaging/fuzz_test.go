package imaging

import (
	"errors"
	"testing"

	"bgremove/imaging/codec"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

// fuzzPixels is the largest picture that FuzzRemove cuts.
const fuzzPixels = 2000

func FuzzRemove(f *testing.F) {
	imagingtest.AddPictures(f)
	r := newRemover(f)
	r.limits = picture.Limits{MaxBytes: 64 << 10, MaxPixels: 12000} // the seeds have 10800
	f.Fuzz(func(t *testing.T, data []byte) {
		info, inspectErr := r.Inspect(data)
		if inspectErr == nil {
			img, err := codec.Decode(data, info)
			if err == nil && len(img.Pix) != 3*info.Width*info.Height {
				t.Errorf("%d bytes of pixels for %+v", len(img.Pix), info)
			}
			if err == nil && info.Width*info.Height > fuzzPixels {
				return // a cut of these takes too long
			}
		}
		res, err := r.Remove(t.Context(), data, option.Options{})
		switch {
		case err != nil && !isOurs(err):
			t.Errorf("error %v is none of ours", err)
		case err == nil && (inspectErr != nil || res.Width != info.Width ||
			res.Height != info.Height || len(res.Data) == 0):
			t.Errorf("a result of %d×%d px, inspected were %+v, %v",
				res.Width, res.Height, info, inspectErr)
		}
	})
}

// isOurs tells whether err is one that a client can be told.
func isOurs(err error) bool {
	for _, want := range []error{
		picture.ErrUnsupported, picture.ErrCorrupt,
		picture.ErrTooLarge, picture.ErrOption, picture.ErrNoForeground,
	} {
		if errors.Is(err, want) {
			return true
		}
	}
	return false
}
