package option

import (
	"fmt"
	"image"
	"strings"

	"bgremove/imaging/picture"
)

// Margin is what is left free around a cropped subject, each side in px or in percent of the
// subject's width or height, the shadow included. The zero value is none.
type Margin struct{ Top, Right, Bottom, Left picture.Length }

// What a side of a Margin may have.
const (
	maxMarginPx      = 500
	maxMarginPercent = 50
)

// ParseMargin reads one length for all sides, two (above and below, left and right), or four (top,
// right, bottom, left), each with its unit: "30px", "10%", or "0". A fault is an ErrOption.
func ParseMargin(s string) (Margin, error) {
	fields := strings.Fields(s)
	lengths := make([]picture.Length, len(fields))
	for i, f := range fields {
		var err error
		if lengths[i], err = picture.ParseLength("crop_margin", f, maxMarginPx,
			maxMarginPercent); err != nil {
			return Margin{}, err
		}
		if strings.Trim(f, "0123456789.") == "" && lengths[i].Value != 0 {
			return Margin{},
				fmt.Errorf("%w: crop_margin: must have units, like 30px or 10%%, one is %.32q",
					picture.ErrOption, f)
		}
	}
	switch len(lengths) {
	case 1:
		return Margin{lengths[0], lengths[0], lengths[0], lengths[0]}.normal(), nil
	case 2:
		return Margin{lengths[0], lengths[1], lengths[0], lengths[1]}.normal(), nil
	case 4:
		return Margin{lengths[0], lengths[1], lengths[2], lengths[3]}.normal(), nil
	}
	return Margin{},
		fmt.Errorf("%w: crop_margin: must be 1, 2 or 4 lengths with spaces between, is %.64q",
			picture.ErrOption, s)
}

// normal lets 0% and 0px be the same.
func (m Margin) normal() Margin {
	for _, l := range []*picture.Length{&m.Top, &m.Right, &m.Bottom, &m.Left} {
		if l.Value == 0 {
			*l = picture.Length{}
		}
	}
	return m
}

// String is the shortest form that ParseMargin reads; empty for none.
func (m Margin) String() string {
	switch m {
	case Margin{}:
		return ""
	case Margin{m.Top, m.Top, m.Top, m.Top}:
		return m.Top.String()
	case Margin{m.Top, m.Right, m.Top, m.Right}:
		return fmt.Sprintf("%v %v", m.Top, m.Right)
	}
	return fmt.Sprintf("%v %v %v %v", m.Top, m.Right, m.Bottom, m.Left)
}

func (m Margin) validate() error {
	for _, l := range []picture.Length{m.Top, m.Right, m.Bottom, m.Left} {
		if _, err := picture.ParseLength("crop_margin", l.String(), maxMarginPx,
			maxMarginPercent); err != nil {
			return err
		}
	}
	return nil
}

// Around widens a rectangle, rounding to whole px.
func (m Margin) Around(r image.Rectangle) image.Rectangle {
	return image.Rect(
		r.Min.X-int(m.Left.Px(r.Dx())), r.Min.Y-int(m.Top.Px(r.Dy())),
		r.Max.X+int(m.Right.Px(r.Dx())), r.Max.Y+int(m.Bottom.Px(r.Dy())),
	)
}
