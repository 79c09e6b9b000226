package option

import (
	"errors"
	"strings"
	"testing"

	"bgremove/imaging/picture"
)

func TestParseColour(t *testing.T) {
	for text, want := range map[string]Colour{
		"#fff": {255, 255, 255}, "08f": {0, 0x88, 255}, "#0A1b2C": {0x0a, 0x1b, 0x2c},
		"0a1b2c": {0x0a, 0x1b, 0x2c},
		"#08ff":  {0, 0x88, 255}, "#0a1b2cff": {0x0a, 0x1b, 0x2c}, "0a1b2cFF": {0x0a, 0x1b, 0x2c},
		"red": {255, 0, 0}, "RebeccaPurple": {0x66, 0x33, 0x99},
		"lightGoldenRodYellow": {250, 250, 210}, "grey": {128, 128, 128},
	} {
		if got, err := ParseColour(text); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	if s := (Colour{1, 0x23, 0xff}).String(); s != "#0123ff" {
		t.Errorf("text %s", s)
	}
}

func TestParseColourRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"":          `a CSS colour name, is ""`,
		"#":         `is "#"`,
		"##fff":     `is "##fff"`,
		"#ff":       `is "#ff"`,
		"#fffff":    `is "#fffff"`,
		"#ggg":      `is "#ggg"`,
		"+12345":    `is "+12345"`,
		" red":      `is " red"`,
		"é1":        `is "é1"`,
		"1_2":       `is "1_2"`,
		"#fff8":     `a translucent colour is not supported, the alpha of "#fff8" is 88 of ff`,
		"#12345600": `a translucent colour is not supported, the alpha of "#12345600" is 00 of ff`,
	} {
		if got, err := ParseColour(text); !errors.Is(err, picture.ErrOption) ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, %v; want %q", text, got, err, says)
		}
	}
}
