package picture

import (
	"fmt"
	"image"
	"math"
	"strconv"
	"strings"
)

// Length is a distance in px, or in percent of an image's side.
type Length struct {
	Value   float64
	Percent bool
}

// ROI is a rectangle that holds all foreground: two corners, x to the right, y down, the second one
// exclusive. The zero value stands for none.
type ROI struct {
	X1, Y1, X2, Y2 Length
}

// ParseROI reads "x1 y1 x2 y2", each in px ("10", "10px") or percent of the image's side ("5%"). A
// fault is an ErrOption.
func ParseROI(s string) (ROI, error) {
	var r ROI
	fields := strings.Fields(s)
	corners := []*Length{&r.X1, &r.Y1, &r.X2, &r.Y2}
	if len(fields) != len(corners) {
		return ROI{}, fmt.Errorf("%w: roi: must be \"x1 y1 x2 y2\" with spaces between, is %.64q",
			ErrOption, s)
	}
	for i, f := range fields {
		var err error
		if *corners[i], err = ParseLength("roi", f, MaxSide, 100); err != nil {
			return ROI{}, err
		}
	}
	if notAfter(r.X1, r.X2) || notAfter(r.Y1, r.Y2) {
		return ROI{},
			fmt.Errorf("%w: roi: %.64q is empty, x2 must be above x1 and y2 above y1", ErrOption, s)
	}
	return r, nil
}

// IsZero tells whether r stands for none.
func (r ROI) IsZero() bool { return r == ROI{} }

// String is the form that ParseROI reads; empty for none.
func (r ROI) String() string {
	if r.IsZero() {
		return ""
	}
	return fmt.Sprintf("%v %v %v %v", r.X1, r.Y1, r.X2, r.Y2)
}

// Rect resolves r for an image of width×height px, rounding to whole px. A rectangle that is empty
// or reaches outside is an ErrOption.
func (r ROI) Rect(width, height int) (image.Rectangle, error) {
	x1, y1, x2, y2 := r.X1.Px(width), r.Y1.Px(height), r.X2.Px(width), r.Y2.Px(height)
	for _, v := range []float64{x1, y1, x2, y2} {
		if !(v >= 0 && v <= MaxSide) { // also NaN, of a ROI that was not parsed
			return image.Rectangle{}, fmt.Errorf(
				"%w: roi: %q reaches outside the image of %d×%d px", ErrOption, r, width, height)
		}
	}
	rect := image.Rectangle{Min: image.Pt(int(x1), int(y1)), Max: image.Pt(int(x2), int(y2))}
	if rect.Empty() {
		return image.Rectangle{}, fmt.Errorf("%w: roi: %q is empty in an image of %d×%d px",
			ErrOption, r, width, height)
	}
	if !rect.In(image.Rect(0, 0, width, height)) {
		return image.Rectangle{}, fmt.Errorf("%w: roi: %q reaches outside the image of %d×%d px",
			ErrOption, r, width, height)
	}
	return rect, nil
}

// String is the length in its shortest form with its unit.
func (l Length) String() string {
	unit := "px"
	if l.Percent {
		unit = "%"
	}
	return strconv.FormatFloat(l.Value, 'f', -1, 64) + unit
}

// Px returns the length in px along a side of so many px.
func (l Length) Px(side int) float64 {
	if l.Percent {
		return math.Round(l.Value * float64(side) / 100)
	}
	return math.Round(l.Value)
}

// ParseLength takes plain decimals only: no sign, exponent, infinity or NaN. A fault names the key.
func ParseLength(key, s string, mostPx, mostPercent float64) (Length, error) {
	number, percent := strings.CutSuffix(s, "%")
	unit, limit := "px", mostPx
	if percent {
		unit, limit = "%", mostPercent
	} else {
		number = strings.TrimSuffix(number, "px")
	}
	v, err := ParsePlain(number)
	if err != nil {
		return Length{}, fmt.Errorf(
			"%w: %s: must be plain numbers from 0 on, in px or %%, one is %.32q", ErrOption, key, s)
	}
	if v > limit {
		return Length{}, fmt.Errorf("%w: %s: must be 0 to %v%s, one is %.32q",
			ErrOption, key, limit, unit, s)
	}
	return Length{Value: v, Percent: percent}, nil
}

// ParsePlain reads digits with a decimal point or without.
func ParsePlain(s string) (float64, error) {
	if strings.Trim(s, "0123456789.") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(s, 64)
}

// notAfter tells whether b is at or before a, as far as that shows without an image.
func notAfter(a, b Length) bool {
	return b.Value == 0 || a.Percent == b.Percent && b.Value <= a.Value
}
