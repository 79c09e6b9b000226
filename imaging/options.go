package imaging

import (
	"errors"
	"fmt"
	"net/url"
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
	ROI        ROI          // all foreground is inside; the zero value stands for none
	Mask       []byte       // a file that is read as a Mask; nil for none
	Strokes    []Stroke     // see Hints
	Engine     string       // empty: the default engine
	Channels   Channels     // empty: ChannelsRGBA
	Format     OutputFormat // empty: PNG
	Quality    int          // 1 to 100, of JPEG and lossy WebP; 0: DefaultQuality
	Background *Colour      // opaque colour behind the foreground; nil for none
}

// OutputFormat is a file format that results are written in.
type OutputFormat string

// The zero value stands for OutputPNG.
const (
	OutputAuto OutputFormat = "auto" // PNG where the result has transparency, else JPEG
	OutputPNG  OutputFormat = "png"
	OutputJPEG OutputFormat = "jpg" // needs a Background or ChannelsAlpha
	OutputWebP OutputFormat = "webp"
)

// DefaultQuality is that of JPEG and WebP where none is asked for.
const DefaultQuality = 90

// Colour is an opaque sRGB colour.
type Colour struct{ R, G, B uint8 }

// ParseOptions reads the keys roi, engine and channels; an empty value means absent. Every fault is joined, and each is an
// ErrOption. Whether the engine exists is for the Remover to say.
func ParseOptions(get func(key string) string) (Options, error) {
	o := Options{Engine: get("engine"), Channels: Channels(get("channels"))}
	var errs []error
	if s := get("roi"); s != "" {
		var err error
		o.ROI, err = ParseROI(s)
		errs = append(errs, err)
	}
	errs = append(errs, o.Channels.validate())
	if err := errors.Join(errs...); err != nil {
		return Options{}, err
	}
	return o, nil
}

// Values is the inverse of ParseOptions: what is absent is left out, and numbers are in their shortest form.
func (o Options) Values() url.Values {
	v := url.Values{}
	for key, value := range map[string]string{"roi": o.ROI.String(), "engine": o.Engine, "channels": string(o.Channels)} {
		if value != "" {
			v.Set(key, value)
		}
	}
	return v
}

func (c Channels) validate() error {
	switch c {
	case "", ChannelsRGBA, ChannelsAlpha:
		return nil
	}
	return fmt.Errorf("%w: channels: must be %q or %q, is %.64q", ErrOption, ChannelsRGBA, ChannelsAlpha, string(c))
}
