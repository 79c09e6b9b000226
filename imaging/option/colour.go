package option

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/image/colornames"

	"bgremove/imaging/picture"
)

// Colour is an opaque sRGB colour.
type Colour struct{ R, G, B uint8 }

// ParseColour reads three or six hex digits, with or without #, or one of the 148 colour names
// of CSS Color 4, section 6.1, in any case. Four or eight digits must say that it is opaque. A
// fault is an ErrOption.
func ParseColour(s string) (Colour, error) {
	name := strings.ToLower(s)
	if name == "rebeccapurple" { // the one that CSS has and SVG 1.1 has not
		return Colour{0x66, 0x33, 0x99}, nil
	}
	if c, ok := colornames.Map[name]; ok {
		return Colour{c.R, c.G, c.B}, nil
	}
	digits := strings.TrimPrefix(name, "#")
	if len(digits) == 3 || len(digits) == 4 {
		var twice strings.Builder
		for i := range len(digits) {
			twice.WriteString(digits[i:i+1] + digits[i:i+1])
		}
		digits = twice.String()
	}
	v, err := strconv.ParseUint(digits, 16, 32)
	switch {
	case err != nil || len(digits) != 6 && len(digits) != 8:
		return Colour{}, fmt.Errorf(
			"%w: bg_color: must be a hex colour (#fff, #ffffff) or a CSS colour name, is %.64q",
			picture.ErrOption, s)
	case len(digits) == 6:
		v = v<<8 | 0xff
	case v&0xff != 0xff:
		return Colour{}, fmt.Errorf(
			"%w: bg_color: a translucent colour is not supported, the alpha of %q is %s of ff",
			picture.ErrOption, s, digits[6:])
	}
	return Colour{uint8(v >> 24), uint8(v >> 16), uint8(v >> 8)}, nil
}

// String is #rrggbb.
func (c Colour) String() string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

func parseBackground(o *Options, s string) error {
	c, err := ParseColour(s)
	if err == nil {
		o.Background = &c
	}
	return err
}

func backgroundText(o Options) string {
	if o.Background == nil {
		return ""
	}
	return o.Background.String()
}
