package option

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"math"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

func parse(values map[string]string) (Options, error) {
	return Parse(func(key string) string { return values[key] })
}

func TestParseOptions(t *testing.T) {
	px := func(v float64) picture.Length { return picture.Length{Value: v} }
	tests := []struct {
		in   map[string]string
		want Options
	}{
		{nil, Options{}},
		{map[string]string{"roi": "", "engine": "", "channels": ""}, Options{}},
		{map[string]string{"channels": "rgba"}, Options{Channels: ChannelsRGBA}},
		{
			map[string]string{"channels": "alpha", "engine": "opencv"},
			Options{Channels: ChannelsAlpha, Engine: "opencv"},
		},
		{
			map[string]string{"roi": "0 0 10 20"},
			Options{ROI: picture.ROI{px(0), px(0), px(10), px(20)}},
		},
		{
			map[string]string{"format": "jpeg", "channels": "alpha", "quality": "1"},
			Options{Format: OutputJPEG, Channels: ChannelsAlpha, Quality: 1},
		},
		{
			map[string]string{"format": "jpg", "bg_color": "White"},
			Options{Format: OutputJPEG, Background: &Colour{255, 255, 255}},
		},
		{
			map[string]string{"format": "webp", "quality": "100"},
			Options{Format: OutputWebP, Quality: 100},
		},
		{
			map[string]string{"format": "auto", "mask": "data:image/png;base64,_-8="},
			Options{Format: OutputAuto, Mask: []byte{0xff, 0xef}},
		},
		{map[string]string{"strokes": "[]"}, Options{}},
		{
			map[string]string{"strokes": `[{"label":"drop","radius":8,"points":[[-1,2.5]]}]`},
			Options{Strokes: []picture.Stroke{{Radius: 8, Points: []picture.Point{{-1, 2.5}}}}},
		},
		{map[string]string{"roi": " 0px 5%  10px 99.5% "}, Options{ROI: picture.ROI{
			px(0), picture.Length{5, true}, px(10), picture.Length{99.5, true},
		}}},
	}
	for _, tt := range tests {
		got, err := parse(tt.in)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%v: %+v, %v; want %+v", tt.in, got, err, tt.want)
			continue
		}
		if again, err := Parse(got.Values().Get); err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%v: came back as %+v, %v", got.Values(), again, err)
		}
	}
}

func TestOptionsValuesAreCanonical(t *testing.T) {
	o, err := parse(map[string]string{"roi": "0 1.50px 10.0% 020", "channels": "alpha"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := o.Values().Encode(), "channels=alpha&roi=0px+1.5px+10%25+20px"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestParseOptionsJoinsFaults: each names its key and value.
func TestParseOptionsJoinsFaults(t *testing.T) {
	_, err := parse(map[string]string{
		"roi": "1 2 3", "channels": "cmyk", "mask": "%", "strokes": "[{}]", "format": "gif",
		"quality": "0", "bg_color": "#12345",
	})
	if !errors.Is(err, picture.ErrOption) {
		t.Fatalf("error %v, want ErrOption", err)
	}
	for _, part := range []string{
		"roi", `"1 2 3"`, "channels", `"cmyk"`, `rgba or alpha`, "mask: ",
		"strokes: stroke 1", `"gif"`, "quality: must be 1 to 100, is 0", `"#12345"`,
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %s", err, part)
		}
	}
}

func TestParseOptionsRefuses(t *testing.T) {
	for _, tt := range []struct {
		in   map[string]string
		says string
	}{
		{
			map[string]string{"format": "jpg"},
			"format: JPEG has no transparency; add bg_color or bg_image, or channels=alpha",
		},
		{map[string]string{"format": "jpeg", "channels": "rgba"}, "JPEG has no transparency"},
		{
			map[string]string{"channels": "alpha", "bg_color": "red"},
			"bg_color: #ff0000 is behind a cut-out, channels=alpha has none",
		},
		{map[string]string{"format": "PNG"}, `must be auto, png, jpg, webp or zip, is "PNG"`},
		{map[string]string{"quality": "101"}, "must be 1 to 100, is 101"},
		{map[string]string{"quality": "-1"}, "must be 1 to 100, is -1"},
		{map[string]string{"quality": "9.5"}, `a whole number of 1 to 100, is "9.5"`},
		{
			map[string]string{"engine": strings.Repeat("x", 1025)},
			"engine: 1025 bytes of text, the limit is 1024",
		},
	} {
		if _, err := parse(tt.in); !errors.Is(err, picture.ErrOption) ||
			!strings.Contains(err.Error(), tt.says) {
			t.Errorf("%v: %v; want an ErrOption that says %q", tt.in, err, tt.says)
		}
	}
}

// TestValidate: options that were never text are looked at as well.
func TestValidate(t *testing.T) {
	dot := []picture.Point{{1, 1}}
	for says, o := range map[string]Options{
		"channels: ":          {Channels: "x"},
		"format: must be":     {Format: "gif"},
		"format: JPEG":        {Format: OutputJPEG},
		"bg_color: ":          {Channels: ChannelsAlpha, Background: &Colour{}},
		"quality: ":           {Quality: -5},
		"mask: 1048577 bytes": {Mask: make([]byte, MaxMaskBytes+1)},
		"strokes: stroke 1: radius": {
			Strokes: []picture.Stroke{{Radius: math.NaN(), Points: dot}},
		},
		"strokes: stroke 1: point 1": {
			Strokes: []picture.Stroke{{Radius: 1, Points: []picture.Point{{math.Inf(-1), 0}}}},
		},
	} {
		if err := o.Validate(); !errors.Is(err, picture.ErrOption) ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("%v, want an ErrOption that says %q", err, says)
		}
		if err := o.Validate(); !errors.Is(err, picture.ErrOption) {
			t.Errorf("the remover says %v, want ErrOption", err)
		}
	}
	if err := (Options{
		Format: OutputJPEG, Background: &Colour{}, Quality: 100,
		Strokes: []picture.Stroke{{Radius: 1, Points: dot}},
	}).Validate(); err != nil {
		t.Error(err)
	}
}

// TestLargestOptionsFit: what the limits allow can be queued and read again.
func TestLargestOptionsFit(t *testing.T) {
	o := Options{
		Mask:            bytes.Repeat([]byte{0xff}, MaxMaskBytes),
		BackgroundImage: bytes.Repeat([]byte{0xff}, MaxBackgroundBytes),
		Strokes:         make([]picture.Stroke, maxStrokes),
	}
	for i := range o.Strokes {
		o.Strokes[i].Radius = 1999.999
		for range maxPoints / maxStrokes {
			o.Strokes[i].Points = append(o.Strokes[i].Points, picture.Point{-65534.999, -65534.999})
		}
	}
	text := o.Values().Encode()
	if len(text) > 9<<20 {
		t.Errorf("%d bytes, want at most 9 MiB", len(text))
	}
	values, err := url.ParseQuery(text)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Parse(values.Get); err != nil || !reflect.DeepEqual(again, o) {
		t.Errorf("came back changed, or %v", err)
	}
}

func TestCheckImage(t *testing.T) {
	mask := imagingtest.ReadTestdata(t, "mask.png") // 120×90
	for _, tt := range []struct {
		o    Options
		w, h int
		says string // empty: no fault
	}{
		{Options{}, 1, 1, ""},
		{Options{Mask: mask}, 120, 90, ""},
		{Options{Mask: mask}, 4000, 3000, ""},
		{Options{Mask: mask}, 121, 90, ""},
		{Options{Mask: mask}, 90, 120, "mask: has 120×90 px"},
		{Options{Mask: mask}, 125, 90, "mask: has 120×90 px"},
		{Options{Mask: mask[:100]}, 120, 90, "mask: png: corrupt image"},
		{Options{Mask: []byte("text")}, 120, 90, "mask: unsupported image format"},
		{Options{Mask: imagingtest.PNGHeader(60000, 60000)}, 120, 90, "mask: image too large"},
		{Options{ROI: imagingtest.ROI(t, "0 0 121 90")}, 120, 90, "roi: "},
	} {
		err := tt.o.CheckImage(imagingtest.Limits(), tt.w, tt.h)
		if (err == nil) != (tt.says == "") || err != nil &&
			(!errors.Is(err, picture.ErrOption) || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("in %d×%d: %v, want %q", tt.w, tt.h, err, tt.says)
		}
		if errors.Is(err, picture.ErrCorrupt) || errors.Is(err, picture.ErrUnsupported) ||
			errors.Is(err, picture.ErrTooLarge) {
			t.Errorf("%v is said of the image, not of the mask", err)
		}
	}
}

func TestParseROIRefuses(t *testing.T) {
	for _, s := range []string{
		"", "x", "1 2 3", "1 2 3 4 5", "a b c d", "1,2,3,4", "1 2 NaN 4", "0 0 Inf 4", "0 0 +5 4",
		"-1 0 5 5", "0 0 1e3 5", "0 0 0x9 5", "0 0 1_0 5",
		"0 0 65536 5", "0 0 99999999999999999999 5", "0 0 101% 5", "0 0 5em 5", "0 0 5%px 5",
		"0 0 5pxpx 5", "0 0 . 5", "0 0 1.2.3 5", "0 0 px 5", "0 0 % 5",
		"0 0 0 0", "5 0 5 5", "9 0 5 5", "0 9% 5 5%", "50% 0 0 5",
		strings.Repeat("9", 400) + " 0 0 0",
	} {
		if r, err := picture.ParseROI(s); !errors.Is(err, picture.ErrOption) {
			t.Errorf("%.40q: %+v, %v; want ErrOption", s, r, err)
		} else if len(err.Error()) > 200 {
			t.Errorf("%.40q: a message of %d bytes", s, len(err.Error()))
		}
	}
}

func TestROIRect(t *testing.T) {
	tests := []struct {
		roi  string
		w, h int
		want image.Rectangle // empty: ErrOption
	}{
		{"0 0 10 20", 10, 20, image.Rect(0, 0, 10, 20)},
		{"10% 10% 90% 90%", 200, 100, image.Rect(20, 10, 180, 90)},
		{"0 0 100% 100%", 1, 1, image.Rect(0, 0, 1, 1)},
		{"1.4px 1.5px 3 4", 9, 9, image.Rect(1, 2, 3, 4)},
		{"50% 0 60 10", 100, 10, image.Rect(50, 0, 60, 10)},
		{"0 0 11 20", 10, 20, image.Rectangle{}},
		{"0 0 10 21", 10, 20, image.Rectangle{}},
		{"50% 0 40 10", 100, 10, image.Rectangle{}},
		{"10% 0 20% 10", 2, 10, image.Rectangle{}},
	}
	for _, tt := range tests {
		got, err := imagingtest.ROI(t, tt.roi).Rect(tt.w, tt.h)
		if !reflect.DeepEqual(got, tt.want) || (err == nil) == tt.want.Empty() ||
			err != nil && !errors.Is(err, picture.ErrOption) {
			t.Errorf("%q in %d×%d: %v, %v; want %v", tt.roi, tt.w, tt.h, got, err, tt.want)
		}
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), -1, 1e300} {
		if _, err := (picture.ROI{X2: picture.Length{Value: v}, Y2: picture.Length{Value: 5}}).Rect(
			9, 9); !errors.Is(err, picture.ErrOption) {
			t.Errorf("a corner at %v: %v, want ErrOption", v, err)
		}
	}
}

// TestTable: what a row says of itself is so.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range Table() {
		if o.Name == "" || o.Help == "" || o.MaxText == 0 || seen[o.Name] {
			t.Errorf("%+v", o)
		}
		seen[o.Name] = true
		takes := func(text string) bool {
			_, err := parse(map[string]string{
				o.Name: text, "bg_color": map[bool]string{true: "red"}[text == "jpg"],
			})
			return err == nil
		}
		for _, v := range o.Values {
			if !takes(v) {
				t.Errorf("%s: %q is listed and not taken", o.Name, v)
			}
		}
		if free := o.Kind == Text || o.Kind == Document ||
			o.Kind == File; !free && takes("nonsense") {
			t.Errorf("%s takes nonsense", o.Name)
		}
		if o.Kind == Number &&
			(!takes(fmt.Sprint(o.Min)) || !takes(fmt.Sprint(o.Max)) || takes(fmt.Sprint(o.Max+1))) {
			t.Errorf("%s: not all of %v to %v, or more, is taken", o.Name, o.Min, o.Max)
		}
	}
}

// TestEncode: what is encoded is read as it was, and files may come as bytes.
func TestEncode(t *testing.T) {
	for _, o := range []Options{
		{},
		{Quality: 5},
		{Mask: []byte{0xff, 0xfe}},
		{Crop: true, Mask: bytes.Repeat([]byte{7}, 1000), BackgroundImage: []byte("x")},
	} {
		values, err := url.ParseQuery(o.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(values, o.Values()) {
			t.Errorf("%+v is encoded as %v", o, values)
		}
		got, err := ParseFiles(o.WithoutFiles().Values().Get, o.Files())
		if err != nil || !reflect.DeepEqual(got, o) {
			t.Errorf("%+v, %v; want %+v", got, err, o)
		}
	}
	none := func(string) string { return "" }
	_, err := ParseFiles(none, map[string][]byte{"mask": make([]byte, MaxMaskBytes+1)})
	if !errors.Is(err, picture.ErrOption) {
		t.Errorf("a file that is too large: %v", err)
	}
	red := func(name string) string { return map[string]string{"bg_color": "red"}[name] }
	_, err = ParseFiles(red, map[string][]byte{"bg_image": []byte("x")})
	if !errors.Is(err, picture.ErrOption) {
		t.Errorf("two backgrounds: %v", err)
	}
}
