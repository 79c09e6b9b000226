package option

import (
	"errors"
	"math"
	"math/rand/v2"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

func TestParseOutputOptions(t *testing.T) {
	px := func(v float64) picture.Length { return picture.Length{Value: v} }
	percent := func(v float64) picture.Length { return picture.Length{v, true} }
	for _, tt := range []struct {
		key, text string
		want      Options
		canonical string
	}{
		{"crop", "true", Options{Crop: true}, "true"},
		{"crop", "1", Options{Crop: true}, "true"},
		{"crop", "false", Options{}, ""},
		{"crop", "0", Options{}, ""},
		{"shadow", "1", Options{Shadow: true}, "true"},
		{"shadow", "0", Options{}, ""},
		{"crop_margin", "0", Options{}, ""},
		{"crop_margin", "0% 0px", Options{}, ""},
		{
			"crop_margin", "500px",
			Options{CropMargin: Margin{px(500), px(500), px(500), px(500)}},
			"500px",
		},
		{
			"crop_margin", "050.0%",
			Options{CropMargin: Margin{percent(50), percent(50), percent(50), percent(50)}},
			"50%",
		},
		{
			"crop_margin", "10px 0",
			Options{CropMargin: Margin{px(10), px(0), px(10), px(0)}},
			"10px 0px",
		},
		{
			"crop_margin", "1px 2% 3px 4%",
			Options{CropMargin: Margin{px(1), percent(2), px(3), percent(4)}},
			"1px 2% 3px 4%",
		},
		{
			"crop_margin", "1px 2% 1px 2%",
			Options{CropMargin: Margin{px(1), percent(2), px(1), percent(2)}},
			"1px 2%",
		},
		{"scale", "original", Options{}, ""},
		{"scale", "10%", Options{Scale: 10}, "10%"},
		{"scale", "99.50%", Options{Scale: 99.5}, "99.5%"},
		{"scale", "100%", Options{Scale: 100}, "100%"},
		{"position", "original", Options{Position: Position{Anchor: AnchorOriginal}}, "original"},
		{"position", "center", Options{Position: Position{AnchorShare, 50, 50}}, "center"},
		{"position", "50%", Options{Position: Position{AnchorShare, 50, 50}}, "center"},
		{"position", "0%", Options{Position: Position{AnchorShare, 0, 0}}, "0% 0%"},
		{
			"position", " 12.5%  100% ",
			Options{Position: Position{AnchorShare, 12.5, 100}},
			"12.5% 100%",
		},
		{"size", "auto", Options{}, ""},
		{"size", "full", Options{}, ""},
		{"size", "preview", Options{Size: .25}, "0.25"},
		{"size", "small", Options{Size: .25}, "0.25"},
		{"size", "regular", Options{Size: .25}, "0.25"},
		{"size", "medium", Options{Size: 1.5}, "1.5"},
		{"size", "hd", Options{Size: 4}, "4"},
		{"size", "4k", Options{Size: 10}, "10"},
		{"size", "50MP", Options{Size: 50}, "50"},
		{"size", "2.50", Options{Size: 2.5}, "2.5"},
		{"format", "zip", Options{Format: OutputZIP}, "zip"},
		{
			"bg_image", "data:image/png;base64,_-8=",
			Options{BackgroundImage: []byte{0xff, 0xef}},
			"_-8",
		},
	} {
		got, err := parse(map[string]string{tt.key: tt.text})
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s=%s: %+v, %v; want %+v", tt.key, tt.text, got, err, tt.want)
		}
		if text := got.Values().Get(tt.key); text != tt.canonical {
			t.Errorf("%s=%s is %q as text, want %q", tt.key, tt.text, text, tt.canonical)
		}
	}
}

func TestParseOutputOptionsRefuses(t *testing.T) {
	large := FileText(make([]byte, MaxBackgroundBytes+1))
	for _, tt := range []struct{ query, says string }{
		{"crop=yes", `crop: must be true, false, 1 or 0, is "yes"`},
		{"crop=True", "crop: must be"},
		{"shadow=2", "shadow: must be"},
		{"crop_margin=10", `crop_margin: must have units, like 30px or 10%, one is "10"`},
		{"crop_margin=1px+2", "crop_margin: must have units"},
		{"crop_margin=1px+2px+3px", `crop_margin: must be 1, 2 or 4 lengths`},
		{"crop_margin=1px+2px+3px+4px+5px", "crop_margin: must be 1, 2 or 4 lengths"},
		{"crop_margin=+", "crop_margin: must be 1, 2 or 4 lengths"},
		{"crop_margin=501px", `crop_margin: must be 0 to 500px, one is "501px"`},
		{"crop_margin=50.1%25", `crop_margin: must be 0 to 50%, one is "50.1%"`},
		{"crop_margin=-1px", "crop_margin: must be plain numbers"},
		{"crop_margin=1em", "crop_margin: must be plain numbers"},
		{"scale=9.9%25", "scale: must be original or 10% to 100%, is 9.9%"},
		{"scale=100.1%25", "scale: must be original or 10% to 100%"},
		{"scale=50", `scale: must be original or 10% to 100%, is "50"`},
		{"scale=NaN%25", "scale: must be"},
		{"scale=%25", "scale: must be"},
		{
			"position=left",
			`position: must be original, center, or one or two of 0% to 100%, is "left"`,
		},
		{"position=10", "position: must be"},
		{"position=10%25+20", "position: must be"},
		{"position=101%25", "position: must be"},
		{"position=1%25+2%25+3%25", "position: must be"},
		{"position=center+center", "position: must be"},
		{"position=+", "position: must be"},
		{"size=huge", `size: must be preview, small, regular, medium, hd, 4k, 50MP, full, auto or a number of megapixels, is "huge"`},
		{"size=0", "size: must be 0.001 to 1000 megapixels, is 0"},
		{"size=1001", "size: must be 0.001 to 1000 megapixels"},
		{"size=1e2", "size: must be preview"},
		{"size=-1", "size: must be preview"},
		{"bg_image=%25", "bg_image: is not base64"},
		{"bg_image=%3D", "bg_image: the file is empty"},
		{"bg_image=" + large, "bg_image: 4194305 bytes, the limit is 4194304"},
		{"bg_image=AAAA&bg_color=red", "bg_image: only one background can be behind the cut-out, " +
			"there is bg_color=#ff0000 too"},
		{"bg_image=AAAA&channels=alpha", "bg_image: is behind a cut-out, channels=alpha has none"},
		{"shadow=1&channels=alpha", "shadow: is beneath a cut-out, channels=alpha has none"},
	} {
		values, err := url.ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(values.Get); !errors.Is(err, picture.ErrOption) ||
			!strings.Contains(err.Error(), tt.says) {
			t.Errorf("%.60s: %v; want an ErrOption that says %q", tt.query, err, tt.says)
		}
	}
}

// TestOutputOptionsAreValidated: those that were never text, too.
func TestOutputOptionsAreValidated(t *testing.T) {
	for says, o := range map[string]Options{
		"scale: must":        {Scale: math.NaN()},
		"scale: must be":     {Scale: 5},
		"size: must":         {Size: math.Inf(1)},
		"size: must be":      {Size: -1},
		"position: ":         {Position: Position{AnchorShare, math.NaN(), 0}},
		"position: must":     {Position: Position{"left", 0, 0}},
		"position: must be":  {Position: Position{AnchorOriginal, 3, 0}},
		"crop_margin: ":      {CropMargin: Margin{Left: picture.Length{Value: 501}}},
		"crop_margin: must":  {CropMargin: Margin{Top: picture.Length{Value: math.NaN()}}},
		"bg_image: 4194305 ": {BackgroundImage: make([]byte, MaxBackgroundBytes+1)},
		"bg_image: only":     {BackgroundImage: []byte{1}, Background: &Colour{}},
	} {
		if err := o.Validate(); !errors.Is(err, picture.ErrOption) ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("%v; want an ErrOption that says %q", err, says)
		}
	}
}

// TestOptionsRoundTrip: whatever options there are, their text gives the same again.
func TestOptionsRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		o := randomOptions(random)
		if err := o.Validate(); err != nil {
			t.Fatalf("%+v: %v", o, err)
		}
		again, err := Parse(o.Values().Get)
		if err != nil || !reflect.DeepEqual(again, o) {
			t.Fatalf("%s\ngave %+v, %v\nwant %+v", o.Values().Encode(), again, err, o)
		}
		if again.Values().Encode() != o.Values().Encode() {
			t.Fatalf("%s is not canonical", o.Values().Encode())
		}
	}
}

// randomOptions sets each option half of the time, within what does not contradict.
func randomOptions(r *rand.Rand) (o Options) {
	some := func() bool { return r.IntN(2) == 0 }
	length := func() picture.Length {
		if l := (picture.Length{math.Round(r.Float64()*500) / 10, some()}); l.Value > 0 {
			return l
		}
		return picture.Length{}
	}
	o.Crop = some()
	if some() {
		o.CropMargin = Margin{length(), length(), length(), length()}
	}
	if some() {
		o.Scale = minScale + r.Float64()*(maxScale-minScale)
	}
	switch r.IntN(3) {
	case 0:
		o.Position.Anchor = AnchorOriginal
	case 1:
		o.Position = Position{AnchorShare, r.Float64() * 100, float64(r.IntN(101))}
	}
	if some() {
		o.Size = minSize + r.Float64()*10
	}
	if some() {
		o.Format, o.Quality = FormatChoices()[r.IntN(len(FormatChoices()))], 1+r.IntN(100)
	}
	switch r.IntN(3) {
	case 0:
		o.Background = &Colour{uint8(r.Uint32()), uint8(r.Uint32()), uint8(r.Uint32())}
	case 1:
		o.BackgroundImage = []byte{uint8(r.Uint32()), 2, 3}
	default:
		o.Channels = ChannelsAlpha
	}
	o.Shadow = o.Channels != ChannelsAlpha && some()
	return o
}

func TestOptionFileLimit(t *testing.T) {
	for key, want := range map[string]int{
		"mask": MaxMaskBytes, "bg_image": MaxBackgroundBytes, "roi": 0, "image": 0, "": 0,
	} {
		got, _ := Find(key)
		if got.MaxFile != want || (got.Kind == File) != (want > 0) {
			t.Errorf("%q: %+v; want %d", key, got, want)
		}
		if want > 0 && got.MaxText < len(FileText(make([]byte, want))) {
			t.Errorf("%q: a text of %d bytes does not hold the file", key, got.MaxText)
		}
	}
}

func TestCheckImageBackground(t *testing.T) {
	for _, tt := range []struct {
		o    Options
		w, h int
		says string // empty: no fault
	}{
		{Options{BackgroundImage: imagingtest.ReadTestdata(t, "jpeg-baseline.jpg")}, 10, 1000, ""},
		{Options{BackgroundImage: []byte("text")}, 10, 10, "bg_image: unsupported image format"},
		{
			Options{BackgroundImage: imagingtest.ReadTestdata(t, "scene.png")[:100]},
			10, 10, "bg_image: png: corrupt image",
		},
		{
			Options{BackgroundImage: imagingtest.PNGHeader(60000, 60000)},
			10, 10, "bg_image: image too large",
		},
		{
			Options{Format: OutputWebP},
			20000, 10, "format: webp holds up to 16383 px a side, the result would have 20000×10",
		},
		{Options{Format: OutputWebP, Size: .1}, 20000, 10, ""},
		{Options{Format: OutputWebP, Crop: true}, 20000, 10, ""}, // who knows
		{Options{Format: OutputZIP}, 65501, 10, "format: zip holds"},
		{Options{Format: OutputAuto, Background: &Colour{}}, 65501, 10, ""},
	} {
		err := tt.o.CheckImage(imagingtest.Limits(), tt.w, tt.h)
		if (err == nil) != (tt.says == "") || err != nil &&
			(!errors.Is(err, picture.ErrOption) || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("in %d×%d: %v, want %q", tt.w, tt.h, err, tt.says)
		}
		if errors.Is(err, picture.ErrCorrupt) || errors.Is(err, picture.ErrUnsupported) ||
			errors.Is(err, picture.ErrTooLarge) {
			t.Errorf("%v is said of the image, not of its background", err)
		}
	}
}
