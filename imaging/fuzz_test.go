package imaging

import (
	"errors"
	"net/url"
	"reflect"
	"testing"
)

// isOurs tells whether err is one that a client can be told.
func isOurs(err error) bool {
	for _, want := range []error{ErrUnsupported, ErrCorrupt, ErrTooLarge, ErrOption, ErrNoForeground} {
		if errors.Is(err, want) {
			return true
		}
	}
	return false
}

// addPictures seeds with every small picture and with plain and odd PNM.
func addPictures(f *testing.F) {
	for _, name := range pictures(f) {
		if data := readTestdata(f, name); len(data) <= 24<<10 {
			f.Add(data)
		}
	}
	f.Add([]byte("P1 3 2\n010101"))
	f.Add([]byte("P3 2 1 15\n1 2 3 4 5 15"))
	f.Add([]byte("P5 2 2 65535\n12345678"))
	f.Add([]byte("P6 2 2 7\n012345670123"))
}

func FuzzInspect(f *testing.F) {
	addPictures(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		lim := Limits{MaxBytes: 64 << 10, MaxPixels: 1 << 20}
		info, err := Inspect(data, lim)
		switch {
		case err != nil && !isOurs(err):
			t.Errorf("error %v is none of ours", err)
		case err == nil && (info.Width < 1 || info.Height < 1 || int64(info.Width)*int64(info.Height) > lim.MaxPixels):
			t.Errorf("%+v is beyond the limits", info)
		case err == nil && (info.Orientation < 1 || info.Orientation > 8 || info.Format == ""):
			t.Errorf("%+v is not complete", info)
		}
	})
}

// fuzzDecode decodes what Inspect lets pass, of one format.
func fuzzDecode(f *testing.F, format Format) {
	lim := Limits{MaxBytes: 64 << 10, MaxPixels: 1 << 16}
	seeds := 0
	for _, name := range pictures(f) {
		data := readTestdata(f, name)
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
		case err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported):
			t.Errorf("error %v is not of Decode's", err)
		case err == nil && (len(img.Pix) != 3*pixels || img.Alpha != nil && len(img.Alpha) != pixels):
			t.Errorf("%d bytes of colour, %d of alpha for %+v", len(img.Pix), len(img.Alpha), info)
		}
		if small, ok, err := decodeReduced(data, info, 8); err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) {
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

func FuzzRemove(f *testing.F) {
	addPictures(f)
	r := newRemover(f)
	r.limits = Limits{MaxBytes: 64 << 10, MaxPixels: 12000} // the seeds have 10800
	f.Fuzz(func(t *testing.T, data []byte) {
		info, inspectErr := r.Inspect(data)
		if inspectErr == nil {
			img, err := Decode(data, info)
			if err == nil && len(img.Pix) != 3*info.Width*info.Height {
				t.Errorf("%d bytes of pixels for %+v", len(img.Pix), info)
			}
			if err == nil && info.Width*info.Height > fuzzPixels {
				return // a cut of these takes too long
			}
		}
		res, err := r.Remove(t.Context(), data, Options{})
		switch {
		case err != nil && !isOurs(err):
			t.Errorf("error %v is none of ours", err)
		case err == nil && (inspectErr != nil || res.Width != info.Width || res.Height != info.Height || len(res.Data) == 0):
			t.Errorf("a result of %d×%d px, inspected were %+v, %v", res.Width, res.Height, info, inspectErr)
		}
	})
}

// fuzzPixels is the largest picture that FuzzRemove cuts.
const fuzzPixels = 2000

func FuzzROI(f *testing.F) {
	for _, s := range []string{"0 0 10 10", "5% 5% 95% 95%", "0px 1.5px 100% 7", "NaN 0 Inf 1e9", "0 0 0 0", "1 2 3", "-1 -1 5 5"} {
		f.Add(s, 100, 80)
	}
	f.Fuzz(func(t *testing.T, s string, w, h int) {
		roi, err := ParseROI(s)
		if err != nil {
			if !errors.Is(err, ErrOption) {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if again, err := ParseROI(roi.String()); err != nil || again != roi {
			t.Errorf("%q came back as %q, %v", s, again, err)
		}
		w, h = 1+abs(w)%maxSide, 1+abs(h)%maxSide
		rect, err := roi.Rect(w, h)
		switch {
		case err != nil && !errors.Is(err, ErrOption):
			t.Errorf("%q: %v", s, err)
		case err == nil && (rect.Empty() || rect.Min.X < 0 || rect.Min.Y < 0 || rect.Max.X > w || rect.Max.Y > h):
			t.Errorf("%q in %d×%d: %v", s, w, h, rect)
		}
	})
}

func abs(v int) int { return max(v, -(v + 1)) }

func FuzzParseOptions(f *testing.F) {
	f.Add("0 0 10 10", "opencv", "rgba", "png", "90", "#fff", "", "AAAA")
	f.Add("5% 5% 95% 95%", "", "alpha", "jpeg", "1", "", `[{"label":"keep","radius":1,"points":[[1,2]]}]`, "data:;base64,_-8")
	f.Add("", "nope", "cmyk", "auto", "101", "rebeccapurple", "[]", "=")
	f.Fuzz(func(t *testing.T, roi, engine, channels, format, quality, colour, strokes, mask string) {
		o, err := parse(map[string]string{
			"roi": roi, "engine": engine, "channels": channels, "format": format, "quality": quality, "bg_color": colour,
			"strokes": strokes, "mask": mask,
		})
		if err != nil {
			if !errors.Is(err, ErrOption) {
				t.Errorf("error %v, want ErrOption", err)
			}
			return
		}
		if err := o.validate(); err != nil {
			t.Errorf("%+v was parsed and is not valid: %v", o, err)
		}
		if again, err := ParseOptions(o.Values().Get); err != nil || !reflect.DeepEqual(again, o) {
			t.Errorf("%+v came back as %+v, %v", o, again, err)
		}
	})
}

func FuzzOutputOptions(f *testing.F) {
	f.Add("crop=1&crop_margin=10px+5%25&scale=50%25&position=10%25+20%25&size=hd&shadow=true&format=zip&bg_image=_-8")
	f.Add("crop=0&crop_margin=0+1px+2%25+500px&scale=original&position=center&size=0.25&channels=alpha")
	f.Add("size=NaN&position=Inf%25&scale=1e9%25&crop_margin=-1px&crop=yes")
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		o, err := ParseOptions(values.Get)
		if err != nil {
			if !errors.Is(err, ErrOption) {
				t.Errorf("error %v, want ErrOption", err)
			}
			return
		}
		if err := o.validate(); err != nil {
			t.Errorf("%+v was parsed and is not valid: %v", o, err)
		}
		if again, err := ParseOptions(o.Values().Get); err != nil || !reflect.DeepEqual(again, o) {
			t.Errorf("%+v came back as %+v, %v", o, again, err)
		}
	})
}

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

func FuzzStrokes(f *testing.F) {
	for _, s := range []string{
		`[{"label":"keep","radius":8,"points":[[1,2],[3.5,-4e1]]},{"label":"drop","radius":0.5,"points":[[0,0]]}]`,
		`[{"label":"keep","radius":1e999,"points":[[null,2]]}]`, `[{"label":"keep","radius":1,"points":[[1e-9,-0.0004]]}]`, `[]`, `null`, `{}`, `[[]]`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		strokes, err := ParseStrokes(text)
		if err != nil {
			if !errors.Is(err, ErrOption) || len(err.Error()) > 500 {
				t.Errorf("%v, want a short ErrOption", err)
			}
			return
		}
		if again, err := ParseStrokes(strokesText(strokes)); len(strokes) > 0 && (err != nil || !reflect.DeepEqual(again, strokes)) {
			t.Errorf("%v came back as %v, %v", strokes, again, err)
		}
	})
}

func FuzzColour(f *testing.F) {
	for _, s := range []string{"#fff", "0a1B2c", "#ffff", "#00000080", "red", "RebeccaPurple", "", "#", "+12345", "é1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseColour(s)
		if err != nil {
			if !errors.Is(err, ErrOption) {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if again, err := ParseColour(c.String()); err != nil || again != c {
			t.Errorf("%q is %v, came back as %v, %v", s, c, again, err)
		}
	})
}

func FuzzMask(f *testing.F) {
	addPictures(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := readMask(file, Limits{MaxPixels: 12000}, 120, 90)
		if err != nil {
			if !errors.Is(err, ErrOption) || errors.Is(err, ErrCorrupt) {
				t.Errorf("error %v, want ErrOption alone", err)
			}
			return
		}
		if len(m.Pix) != m.Width*m.Height || len(m.Pix) == 0 {
			t.Errorf("%d pixels for %d×%d", len(m.Pix), m.Width, m.Height)
		}
		for i, v := range m.Pix {
			if v != Keep && v != Drop && v != Unknown {
				t.Fatalf("pixel %d is %d", i, v)
			}
		}
	})
}
