package option

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"bgremove/imaging/picture"
)

const (
	maxStrokes     = 1000
	maxPoints      = 20_000 // of all strokes together
	minRadius      = .5     // px
	maxRadius      = 2000   // px
	maxCoordinate  = 65_535 // px; a stroke may begin and end outside the image
	maxStrokesText = 1 << 20

	labelKeep = "keep"
	labelDrop = "drop"
)

// ParseStrokes reads a JSON list of {"label": "keep" or "drop", "radius": px, "points": [[x, y],
// …]}, px of the image with its orientation applied. Numbers are rounded to a thousandth of a px,
// which bounds the text that Options.Values makes of them. An empty list is nil. A fault is an
// ErrOption that names the stroke, counted from 1.
func ParseStrokes(text string) ([]picture.Stroke, error) {
	// Numbers are kept as text: what is not finite or null must be named, not read as 0.
	var list []struct {
		Label  string          `json:"label"`
		Radius json.Number     `json:"radius"`
		Points [][]json.Number `json:"points"`
	}
	if len(text) > maxStrokesText {
		return nil, fmt.Errorf("%w: strokes: %d bytes of text, the limit is %d",
			picture.ErrOption, len(text), maxStrokesText)
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, notStrokes(err)
	}
	if len(list) > maxStrokes {
		return nil, tooManyStrokes(len(list))
	}
	var strokes []picture.Stroke
	for i, in := range list {
		if in.Label != labelKeep && in.Label != labelDrop {
			return nil, strokeFault(i, "label must be %q or %q, is %.64q", labelKeep,
				labelDrop, in.Label)
		}
		s := picture.Stroke{
			Keep: in.Label == labelKeep, Points: make([]picture.Point, len(in.Points)),
		}
		var err error
		if in.Radius == "" {
			return nil, strokeFault(i, "radius is missing")
		}
		if s.Radius, err = thousandths(in.Radius); err != nil {
			return nil, strokeFault(i, "radius must be a number, is %.32q", in.Radius)
		}
		for k, xy := range in.Points {
			if len(xy) != 2 {
				return nil, strokeFault(i, "point %d must be [x, y], has %d numbers", k+1, len(xy))
			}
			x, errX := thousandths(xy[0])
			y, errY := thousandths(xy[1])
			if errors.Join(errX, errY) != nil {
				return nil, strokeFault(i, "point %d must be two finite numbers, is [%.32q, %.32q]",
					k+1, xy[0], xy[1])
			}
			s.Points[k] = picture.Point{x, y}
		}
		strokes = append(strokes, s)
	}
	return strokes, checkStrokes(strokes)
}

func notStrokes(err error) error {
	at := int64(0)
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &wrong):
		at = wrong.Offset
	}
	return fmt.Errorf(`%w: strokes: must be a JSON list of {"label": "keep" or "drop", "radius": px, "points": [[x, y], …]}, is not at byte %d`, picture.ErrOption, at)
}

// thousandths reads a number and rounds it to a multiple of .001.
func thousandths(n json.Number) (float64, error) {
	v, err := n.Float64()
	return math.Round(v*1000) / 1000, err
}

// checkStrokes finds the first fault of the limits above.
func checkStrokes(strokes []picture.Stroke) error {
	if len(strokes) > maxStrokes {
		return tooManyStrokes(len(strokes))
	}
	points := 0
	for i, s := range strokes {
		if !(s.Radius >= minRadius && s.Radius <= maxRadius) { // also NaN
			return strokeFault(i, "radius must be %v to %v px, is %v", minRadius,
				maxRadius, s.Radius)
		}
		if len(s.Points) == 0 {
			return strokeFault(i, "has no points")
		}
		if points += len(s.Points); points > maxPoints {
			return strokeFault(i, "brings the points of all strokes to %d, the limit is %d",
				points, maxPoints)
		}
		for k, p := range s.Points {
			if !(math.Abs(p.X) <= maxCoordinate && math.Abs(p.Y) <= maxCoordinate) {
				return strokeFault(i, "point %d must be within ±%d px, is [%v, %v]", k+1,
					maxCoordinate, p.X, p.Y)
			}
		}
	}
	return nil
}

func tooManyStrokes(n int) error {
	return fmt.Errorf("%w: strokes: there are %d, the limit is %d",
		picture.ErrOption, n, maxStrokes)
}

// strokeFault counts strokes from 1.
func strokeFault(i int, format string, args ...any) error {
	return fmt.Errorf("%w: strokes: stroke %d: %s",
		picture.ErrOption, i+1, fmt.Sprintf(format, args...))
}

// strokesText is what ParseStrokes reads, without white space; empty for none.
func strokesText(strokes []picture.Stroke) string {
	if len(strokes) == 0 {
		return ""
	}
	number := func(b []byte, v float64) []byte { return strconv.AppendFloat(b, v, 'f', -1, 64) }
	b := []byte{'['}
	for i, s := range strokes {
		if i > 0 {
			b = append(b, ',')
		}
		label := labelDrop
		if s.Keep {
			label = labelKeep
		}
		b = append(b, `{"label":"`+label+`","radius":`...)
		b = append(number(b, s.Radius), `,"points":[`...)
		for k, p := range s.Points {
			if k > 0 {
				b = append(b, ',')
			}
			b = number(append(b, '['), p.X)
			b = append(number(append(b, ','), p.Y), ']')
		}
		b = append(b, `]}`...)
	}
	return string(append(b, ']'))
}
