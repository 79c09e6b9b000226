package option

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

func TestReadMask(t *testing.T) {
	// Plain PGM: the thresholds, each side.
	m, err := readMask([]byte("P2 3 2 255\n0 63 64\n191 192 255\n"), imagingtest.Limits(), 300, 200)
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint8{
		picture.Drop, picture.Drop, picture.Unknown, picture.Unknown, picture.Keep, picture.Keep,
	}; m.Width != 3 || m.Height != 2 || !slices.Equal(m.Pix, want) {
		t.Errorf("%+v, want %v", m, want)
	}
	// Colours count by their mean.
	m, err = readMask([]byte("P3 3 1 255\n255 0 0  255 255 255  0 63 126\n"),
		imagingtest.Limits(), 3, 1)
	if want := []uint8{picture.Unknown, picture.Keep, picture.Drop}; err != nil ||
		!slices.Equal(m.Pix, want) {
		t.Errorf("%+v, %v; want %v", m, err, want)
	}
	// Its orientation is applied, its own alpha is not.
	if m, err = readMask(imagingtest.ReadTestdata(t, "jpeg-exif-6.jpg"), imagingtest.Limits(), 120,
		90); err != nil || m.Width != 120 {
		t.Errorf("%v, %v", m, err)
	}
	if m, err = readMask(imagingtest.ReadTestdata(t, "png-rgba.png"), imagingtest.Limits(), 120,
		90); err != nil || len(m.Pix) != 120*90 {
		t.Errorf("%v, %v", m, err)
	}
}

func TestHints(t *testing.T) {
	o := Options{ROI: imagingtest.ROI(t, "1 1 9 9"), Strokes: []picture.Stroke{
		{Radius: 1, Points: []picture.Point{{1, 1}}},
	}}
	h, err := o.Hints(imagingtest.Limits(), 120, 90)
	if err != nil || h.ROI != o.ROI || h.Mask != nil || len(h.Strokes) != 1 {
		t.Errorf("%+v, %v", h, err)
	}
	o.Mask = imagingtest.ReadTestdata(t, "mask.png")
	if h, err = o.Hints(imagingtest.Limits(), 120, 90); err != nil || h.Mask == nil ||
		!slices.Contains(h.Mask.Pix, picture.Keep) || !slices.Contains(h.Mask.Pix, picture.Drop) {
		t.Errorf("%+v, %v", h.Mask, err)
	}
	if _, err := o.Hints(imagingtest.Limits(), 90, 120); !errors.Is(err, picture.ErrOption) {
		t.Errorf("a mask of another shape: %v", err)
	}
	// A header that is whole, and pixels that are not.
	broken := slices.Clone(o.Mask)
	for i := len(broken) / 3; i < len(broken)/2; i++ {
		broken[i] = 0
	}
	o.Mask = broken
	if _, err := o.Hints(imagingtest.Limits(), 120, 90); err == nil ||
		!errors.Is(err, picture.ErrOption) || !strings.Contains(err.Error(), "bad option: mask: ") {
		t.Errorf("a broken mask: %v", err)
	}
}

func TestParseMaskText(t *testing.T) {
	file := []byte{0xfb, 0xff, 0xfe, 'x'}
	std := base64.StdEncoding.EncodeToString(file)
	for _, text := range []string{
		std, strings.TrimRight(std, "="), base64.URLEncoding.EncodeToString(file),
		"data:image/png;base64," + std, " " + std[:3] + "\r\n" + std[3:] + "\n",
	} {
		if got, err := parseFileText("mask", text, MaxMaskBytes); err != nil ||
			!slices.Equal(got, file) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for text, says := range map[string]string{
		"not base64!":              "is not base64",
		"AAAAA":                    "is not base64",
		"AAAA====":                 "is not base64",
		"data:image/png;base64,":   "the file is empty (0 bytes)",
		"data:image/svg+xml,<svg>": "a data URL must begin with",
		"data:;base64":             "a data URL must begin with",
		base64.StdEncoding.EncodeToString(
			make([]byte, MaxMaskBytes+1)): "1048577 bytes, the limit is 1048576",
	} {
		if got, err := parseFileText("mask", text,
			MaxMaskBytes); !errors.Is(err, picture.ErrOption) ||
			!strings.Contains(err.Error(), "mask: ") || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40q: %d bytes, %v; want %q", text, len(got), err, says)
		}
	}
}
