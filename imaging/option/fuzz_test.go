package option

import (
	"errors"
	"net/url"
	"reflect"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

func FuzzStrokes(f *testing.F) {
	for _, s := range []string{
		`[{"label":"keep","radius":8,"points":[[1,2],[3.5,-4e1]]},{"label":"drop","radius":0.5,"points":[[0,0]]}]`,
		`[{"label":"keep","radius":1e999,"points":[[null,2]]}]`,
		`[{"label":"keep","radius":1,"points":[[1e-9,-0.0004]]}]`, `[]`, `null`, `{}`, `[[]]`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		strokes, err := ParseStrokes(text)
		if err != nil {
			if !errors.Is(err, picture.ErrOption) || len(err.Error()) > 500 {
				t.Errorf("%v, want a short ErrOption", err)
			}
			return
		}
		if again, err := ParseStrokes(strokesText(strokes)); len(strokes) > 0 &&
			(err != nil || !reflect.DeepEqual(again, strokes)) {
			t.Errorf("%v came back as %v, %v", strokes, again, err)
		}
	})
}

func FuzzColour(f *testing.F) {
	for _, s := range []string{
		"#fff", "0a1B2c", "#ffff", "#00000080", "red", "RebeccaPurple", "", "#", "+12345", "é1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseColour(s)
		if err != nil {
			if !errors.Is(err, picture.ErrOption) {
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
	imagingtest.AddPictures(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := readMask(file, picture.Limits{MaxPixels: 12000}, 120, 90)
		if err != nil {
			if !errors.Is(err, picture.ErrOption) || errors.Is(err, picture.ErrCorrupt) {
				t.Errorf("error %v, want ErrOption alone", err)
			}
			return
		}
		if len(m.Pix) != m.Width*m.Height || len(m.Pix) == 0 {
			t.Errorf("%d pixels for %d×%d", len(m.Pix), m.Width, m.Height)
		}
		for i, v := range m.Pix {
			if v != picture.Keep && v != picture.Drop && v != picture.Unknown {
				t.Fatalf("pixel %d is %d", i, v)
			}
		}
	})
}

func FuzzParseOptions(f *testing.F) {
	f.Add("0 0 10 10", "opencv", "rgba", "png", "90", "#fff", "", "AAAA")
	f.Add("5% 5% 95% 95%", "", "alpha", "jpeg", "1", "",
		`[{"label":"keep","radius":1,"points":[[1,2]]}]`, "data:;base64,_-8")
	f.Add("", "nope", "cmyk", "auto", "101", "rebeccapurple", "[]", "=")
	f.Fuzz(
		func(t *testing.T, roi, engine, channels, format, quality, colour, strokes, mask string) {
			o, err := parse(map[string]string{
				"roi": roi, "engine": engine, "channels": channels, "format": format,
				"quality": quality, "bg_color": colour,
				"strokes": strokes, "mask": mask,
			})
			if err != nil {
				if !errors.Is(err, picture.ErrOption) {
					t.Errorf("error %v, want ErrOption", err)
				}
				return
			}
			if err := o.Validate(); err != nil {
				t.Errorf("%+v was parsed and is not valid: %v", o, err)
			}
			if again, err := Parse(o.Values().Get); err != nil || !reflect.DeepEqual(again, o) {
				t.Errorf("%+v came back as %+v, %v", o, again, err)
			}
		})
}

func FuzzOutputOptions(f *testing.F) {
	f.Add("crop=1&crop_margin=10px+5%25&scale=50%25&position=10%25+20%25" +
		"&size=hd&shadow=true&format=zip&bg_image=_-8")
	f.Add("crop=0&crop_margin=0+1px+2%25+500px&scale=original&position=center" +
		"&size=0.25&channels=alpha")
	f.Add("size=NaN&position=Inf%25&scale=1e9%25&crop_margin=-1px&crop=yes")
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		o, err := Parse(values.Get)
		if err != nil {
			if !errors.Is(err, picture.ErrOption) {
				t.Errorf("error %v, want ErrOption", err)
			}
			return
		}
		if err := o.Validate(); err != nil {
			t.Errorf("%+v was parsed and is not valid: %v", o, err)
		}
		if again, err := Parse(o.Values().Get); err != nil || !reflect.DeepEqual(again, o) {
			t.Errorf("%+v came back as %+v, %v", o, again, err)
		}
	})
}
