package codec

import (
	"errors"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

func FuzzInspect(f *testing.F) {
	imagingtest.AddPictures(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		lim := picture.Limits{MaxBytes: 64 << 10, MaxPixels: 1 << 20}
		info, err := Inspect(data, lim)
		switch {
		case err != nil && !isOurs(err):
			t.Errorf("error %v is none of ours", err)
		case err == nil && (info.Width < 1 || info.Height < 1 ||
			int64(info.Width)*int64(info.Height) > lim.MaxPixels):
			t.Errorf("%+v is beyond the limits", info)
		case err == nil && (info.Orientation < 1 || info.Orientation > 8 || info.Format == ""):
			t.Errorf("%+v is not complete", info)
		}
	})
}

// fuzzDecode decodes what Inspect lets pass, of one format.
func fuzzDecode(f *testing.F, format Format) {
	lim := picture.Limits{MaxBytes: 64 << 10, MaxPixels: 1 << 16}
	seeds := 0
	for _, name := range imagingtest.Pictures(f) {
		data := imagingtest.ReadTestdata(f, name)
		if info, err := Inspect(data, lim); err == nil && info.Format == format {
			f.Add(data)
			seeds++
		}
	}
	if seeds == 0 {
		f.Fatalf("no %s to start from", format)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := Inspect(data, lim)
		if err != nil || info.Format != format {
			return
		}
		img, err := Decode(data, info)
		pixels := info.Width * info.Height
		switch {
		case err != nil && !errors.Is(err, picture.ErrCorrupt) &&
			!errors.Is(err, picture.ErrUnsupported):
			t.Errorf("error %v is not of Decode's", err)
		case err == nil &&
			(len(img.Pix) != 3*pixels || img.Alpha != nil && len(img.Alpha) != pixels):
			t.Errorf("%d bytes of colour, %d of alpha for %+v", len(img.Pix), len(img.Alpha), info)
		}
		if small, ok, err := DecodeReduced(data, info, 8); err != nil &&
			!errors.Is(err, picture.ErrCorrupt) && !errors.Is(err, picture.ErrUnsupported) {
			t.Errorf("reduced: error %v is not of Decode's", err)
		} else if ok && len(small.Pix) != 3*small.Width*small.Height {
			t.Errorf("reduced: %d bytes for %d×%d px", len(small.Pix), small.Width, small.Height)
		}
	})
}

func FuzzDecodeJPEG(f *testing.F) { fuzzDecode(f, JPEG) }
func FuzzDecodePNG(f *testing.F)  { fuzzDecode(f, PNG) }
func FuzzDecodeWebP(f *testing.F) { fuzzDecode(f, WebP) }
func FuzzDecodeBMP(f *testing.F)  { fuzzDecode(f, BMP) }
func FuzzDecodeTIFF(f *testing.F) { fuzzDecode(f, TIFF) }
func FuzzDecodePNM(f *testing.F)  { fuzzDecode(f, PNM) }
func FuzzDecodeGIF(f *testing.F)  { fuzzDecode(f, GIF) }

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
