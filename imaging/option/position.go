package option

import (
	"fmt"
	"strconv"
	"strings"

	"bgremove/imaging/picture"
)

// Anchor says what a Position goes by.
type Anchor string

// The zero value stands for AnchorOriginal, or for the centre where the foreground is scaled.
const (
	// the middle of the foreground stays where it was, as far as the result has room
	AnchorOriginal Anchor = "original"
	AnchorShare    Anchor = "share" // X and Y divide the room that is left
)

// Position says where the foreground stands in the result. X and Y are for AnchorShare, in percent
// of the room that is left beside and above and below it: 0 is at the left, or the upper, border,
// 50 in the middle, 100 at the right, or the lower, border.
type Position struct {
	Anchor Anchor
	X, Y   float64
}

// ParsePosition reads original, center, "x%" for both or "x% y%". A fault is an ErrOption.
func ParsePosition(s string) (Position, error) {
	fields := strings.Fields(s)
	switch {
	case len(fields) == 1 && fields[0] == string(AnchorOriginal):
		return Position{Anchor: AnchorOriginal}, nil
	case len(fields) == 1 && fields[0] == "center":
		return Position{AnchorShare, 50, 50}, nil
	case len(fields) == 0 || len(fields) > 2:
		return Position{}, positionFault(s)
	}
	x, errX := parsePercent(fields[0])
	y, errY := parsePercent(fields[len(fields)-1])
	if p := (Position{AnchorShare, x, y}); errX == nil && errY == nil && p.validate() == nil {
		return p, nil
	}
	return Position{}, positionFault(s)
}

func positionFault(s string) error {
	return fmt.Errorf(
		"%w: position: must be original, center, or one or two of 0%% to 100%%, is %.64q",
		picture.ErrOption, s)
}

// parsePercent reads a plain number with its sign of percent.
func parsePercent(s string) (float64, error) {
	number, ok := strings.CutSuffix(s, "%")
	if !ok {
		return 0, strconv.ErrSyntax
	}
	return picture.ParsePlain(number)
}

// String is a form that ParsePosition reads; empty for the zero value.
func (p Position) String() string {
	switch {
	case p.Anchor != AnchorShare:
		return string(p.Anchor)
	case p.X == 50 && p.Y == 50:
		return "center"
	}
	return strconv.FormatFloat(p.X, 'f', -1, 64) + "% " +
		strconv.FormatFloat(p.Y, 'f', -1, 64) + "%"
}

func (p Position) validate() error {
	inside := func(v float64) bool { return v >= 0 && v <= 100 } // not NaN
	switch {
	case p.Anchor == AnchorShare && inside(p.X) && inside(p.Y), p == Position{},
		p == Position{Anchor: AnchorOriginal}:
		return nil
	}
	return positionFault(p.String())
}
