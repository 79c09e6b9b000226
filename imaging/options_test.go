package imaging

import (
	"errors"
	"image"
	"math"
	"reflect"
	"strings"
	"testing"
)

func parse(values map[string]string) (Options, error) {
	return ParseOptions(func(key string) string { return values[key] })
}

func TestParseOptions(t *testing.T) {
	px := func(v float64) Length { return Length{Value: v} }
	tests := []struct {
		in   map[string]string
		want Options
	}{
		{nil, Options{}},
		{map[string]string{"roi": "", "engine": "", "channels": ""}, Options{}},
		{map[string]string{"channels": "rgba"}, Options{Channels: ChannelsRGBA}},
		{map[string]string{"channels": "alpha", "engine": "x"}, Options{Channels: ChannelsAlpha, Engine: "x"}},
		{map[string]string{"roi": "0 0 10 20"}, Options{ROI: ROI{px(0), px(0), px(10), px(20)}}},
		{map[string]string{"roi": " 0px 5%  10px 99.5% "}, Options{ROI: ROI{px(0), Length{5, true}, px(10), Length{99.5, true}}}},
	}
	for _, tt := range tests {
		got, err := parse(tt.in)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%v: %+v, %v; want %+v", tt.in, got, err, tt.want)
			continue
		}
		if again, err := ParseOptions(got.Values().Get); err != nil || !reflect.DeepEqual(again, got) {
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
	_, err := parse(map[string]string{"roi": "1 2 3", "channels": "cmyk"})
	if !errors.Is(err, ErrOption) {
		t.Fatalf("error %v, want ErrOption", err)
	}
	for _, part := range []string{"roi", `"1 2 3"`, "channels", `"cmyk"`, `"rgba" or "alpha"`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %s", err, part)
		}
	}
}

func TestParseROIRefuses(t *testing.T) {
	for _, s := range []string{
		"", "x", "1 2 3", "1 2 3 4 5", "a b c d", "1,2,3,4", "1 2 NaN 4", "0 0 Inf 4", "0 0 +5 4", "-1 0 5 5", "0 0 1e3 5", "0 0 0x9 5", "0 0 1_0 5",
		"0 0 65536 5", "0 0 99999999999999999999 5", "0 0 101% 5", "0 0 5em 5", "0 0 5%px 5", "0 0 5pxpx 5", "0 0 . 5", "0 0 1.2.3 5", "0 0 px 5", "0 0 % 5",
		"0 0 0 0", "5 0 5 5", "9 0 5 5", "0 9% 5 5%", "50% 0 0 5", strings.Repeat("9", 400) + " 0 0 0",
	} {
		if r, err := ParseROI(s); !errors.Is(err, ErrOption) {
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
		got, err := mustROI(t, tt.roi).Rect(tt.w, tt.h)
		if !reflect.DeepEqual(got, tt.want) || (err == nil) == tt.want.Empty() || err != nil && !errors.Is(err, ErrOption) {
			t.Errorf("%q in %d×%d: %v, %v; want %v", tt.roi, tt.w, tt.h, got, err, tt.want)
		}
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), -1, 1e300} {
		if _, err := (ROI{X2: Length{Value: v}, Y2: Length{Value: 5}}).Rect(9, 9); !errors.Is(err, ErrOption) {
			t.Errorf("a corner at %v: %v, want ErrOption", v, err)
		}
	}
}
