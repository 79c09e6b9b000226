// Package option holds what a request may ask for: one table of options, from which forms, queries,
// flags and documents are made.
package option

import (
	"errors"
	"fmt"
	"net/url"

	"bgremove/imaging/picture"
)

// Channels says what a result holds.
type Channels string

// The zero value stands for ChannelsRGBA.
const (
	ChannelsRGBA  Channels = "rgba"  // the cut-out
	ChannelsAlpha Channels = "alpha" // the matte alone, 8-bit grey
)

// Options are what a request asks for. The zero value is a plain cut-out by the default engine.
type Options struct {
	// Where the foreground is, and who finds it.
	ROI     picture.ROI      // all foreground is inside; the zero value stands for none
	Mask    []byte           // a file that is read as a Mask, at most MaxMaskBytes; nil for none
	Strokes []picture.Stroke // see Hints
	Engine  string           // empty: the default engine

	// What is written.
	Channels Channels     // empty: ChannelsRGBA
	Format   OutputFormat // empty: PNG
	Quality  int          // 1 to 100, of JPEG and lossy WebP; 0: DefaultQuality

	// What is behind the foreground; at most one.
	Background *Colour // opaque; nil for none
	// a file, at most MaxBackgroundBytes: it covers the result, centred; nil for none
	BackgroundImage []byte
	Shadow          bool // beneath the foreground

	// Where the foreground stands, and how large the result is.
	Crop       bool   // to what is seen of the foreground
	CropMargin Margin // around that; without Crop it means nothing
	// percent of the result's sides that the foreground may take, 10 to 100; 0: as large as it is
	Scale    float64
	Position Position // of the foreground in the result
	// megapixels that the result may have, shrunk if need be: minSize to maxSize; 0: any number
	Size float64
}

// Parse reads every option of the table; an empty text means absent. It joins all faults,
// each an ErrOption. What depends on the image is for CheckImage, whether the engine
// exists for the Remover.
func Parse(get func(name string) string) (Options, error) { return ParseFiles(get, nil) }

// ParseFiles is Parse where files came as bytes, by name. It does not look at
// the text of such a name.
func ParseFiles(get func(name string) string, files map[string][]byte) (Options, error) {
	var o Options
	var errs []error
	for _, r := range rows {
		if file, ok := files[r.Name]; ok && r.file != nil {
			*r.file(&o) = file
			errs = append(errs, r.check(o))
			continue
		}
		switch text := get(r.Name); {
		case text == "":
		case len(text) > r.MaxText:
			errs = append(errs, fmt.Errorf("%w: %s: %d bytes of text, the limit is %d",
				picture.ErrOption, r.Name, len(text), r.MaxText))
		default:
			errs = append(errs, r.parse(&o, text))
		}
	}
	if err := errors.Join(append(errs, o.conflicts())...); err != nil {
		return Options{}, err
	}
	return o, nil
}

// Values is the inverse of Parse: it leaves out what is absent, and numbers are in their shortest
// form. Encoded as a query it has at most 9 MiB.
func (o Options) Values() url.Values {
	v := url.Values{}
	for _, r := range rows {
		if text := r.text(o); text != "" {
			v.Set(r.Name, text)
		}
	}
	return v
}

// Validate finds what is wrong with options whatever the image, for those that
// Parse has not seen too.
func (o Options) Validate() error {
	errs := []error{o.conflicts()}
	for _, r := range rows {
		if r.check != nil {
			errs = append(errs, r.check(o))
		}
	}
	return errors.Join(errs...)
}

// conflicts finds options that contradict each other.
func (o Options) conflicts() error {
	var errs []error
	add := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{picture.ErrOption}, args...)...))
	}
	alpha := o.Channels == ChannelsAlpha
	if o.Format == OutputJPEG && !alpha && !o.opaque() {
		add("format: JPEG has no transparency; add bg_color or bg_image, or channels=%s",
			ChannelsAlpha)
	}
	if alpha && o.Background != nil {
		add("bg_color: %s is behind a cut-out, channels=%s has none", o.Background, ChannelsAlpha)
	}
	if alpha && o.BackgroundImage != nil {
		add("bg_image: is behind a cut-out, channels=%s has none", ChannelsAlpha)
	}
	if alpha && o.Shadow {
		add("shadow: is beneath a cut-out, channels=%s has none", ChannelsAlpha)
	}
	if o.Background != nil && o.BackgroundImage != nil {
		add("bg_image: only one background can be behind the cut-out, there is bg_color=%s too",
			o.Background)
	}
	return errors.Join(errs...)
}

// opaque tells whether there is something behind the foreground.
func (o Options) opaque() bool { return o.Background != nil || o.BackgroundImage != nil }

// CheckImage finds, without decoding anything, what cannot be done to an image of width×height px:
// a ROI that is not inside, a mask that cannot be read or has another shape, a background that
// cannot be read, a format that holds no such picture. A fault is an ErrOption. How large a cropped
// result is shows only once the foreground is known.
func (o Options) CheckImage(limits picture.Limits, width, height int) error {
	var errs []error
	if !o.Crop {
		errs = append(errs, o.Format.CheckSides(FitPixels(width, height, o.Size)))
	}
	if !o.ROI.IsZero() {
		_, err := o.ROI.Rect(width, height)
		errs = append(errs, err)
	}
	if o.Mask != nil {
		_, err := inspectMask(o.Mask, limits, width, height)
		errs = append(errs, err)
	}
	if o.BackgroundImage != nil {
		_, err := InspectBackground(o.BackgroundImage, limits)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Hints decodes what the engine is told of an image of width×height px. A fault is an ErrOption.
func (o Options) Hints(limits picture.Limits, width, height int) (picture.Hints, error) {
	h := picture.Hints{ROI: o.ROI, Strokes: o.Strokes}
	if o.Mask == nil {
		return h, nil
	}
	var err error
	h.Mask, err = readMask(o.Mask, limits, width, height)
	return h, err
}

// ChannelChoices are the values of channels.
func ChannelChoices() []Channels { return []Channels{ChannelsRGBA, ChannelsAlpha} }
