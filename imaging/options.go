package imaging

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strconv"
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
	Mask       []byte       // a file that is read as a Mask, at most MaxMaskBytes; nil for none
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
	OutputAuto OutputFormat = "auto" // JPEG over a Background, else PNG
	OutputPNG  OutputFormat = "png"
	OutputJPEG OutputFormat = "jpg" // needs a Background or ChannelsAlpha
	OutputWebP OutputFormat = "webp"
)

// DefaultQuality is that of JPEG and WebP where none is asked for.
const DefaultQuality = 90

const maxShortText = 1 << 10

// option is one key of a request.
type option struct {
	key   string
	limit int // of the text, in bytes
	parse func(o *Options, text string) error
	text  func(o Options) string // what parse reads; empty for absent
}

// options are all there are: whoever reads or lists keys goes by this table.
var options = []option{
	{
		"roi", maxShortText,
		func(o *Options, s string) (err error) { o.ROI, err = ParseROI(s); return err },
		func(o Options) string { return o.ROI.String() },
	},
	{
		"mask", maxMaskText,
		func(o *Options, s string) (err error) { o.Mask, err = parseMaskText(s); return err },
		// The alphabet that a query need not escape.
		func(o Options) string { return base64.RawURLEncoding.EncodeToString(o.Mask) },
	},
	{
		"strokes", maxStrokesText,
		func(o *Options, s string) (err error) { o.Strokes, err = ParseStrokes(s); return err },
		func(o Options) string { return strokesText(o.Strokes) },
	},
	{
		"engine", maxShortText,
		func(o *Options, s string) error { o.Engine = s; return checkEngineName(s) },
		func(o Options) string { return o.Engine },
	},
	{
		"channels", maxShortText,
		func(o *Options, s string) error { o.Channels = Channels(s); return o.Channels.validate() },
		func(o Options) string { return string(o.Channels) },
	},
	{
		"format", maxShortText,
		func(o *Options, s string) (err error) { o.Format, err = parseFormat(s); return err },
		func(o Options) string { return string(o.Format) },
	},
	{
		"quality", maxShortText,
		func(o *Options, s string) (err error) { o.Quality, err = parseQuality(s); return err },
		func(o Options) string {
			if o.Quality == 0 {
				return ""
			}
			return strconv.Itoa(o.Quality)
		},
	},
	{
		"bg_color", maxShortText,
		func(o *Options, s string) error {
			c, err := ParseColour(s)
			if err == nil {
				o.Background = &c
			}
			return err
		},
		func(o Options) string {
			if o.Background == nil {
				return ""
			}
			return o.Background.String()
		},
	},
}

// OptionKeys are the keys that ParseOptions reads.
func OptionKeys() []string {
	keys := make([]string, len(options))
	for i, opt := range options {
		keys[i] = opt.key
	}
	return keys
}

// OptionLimit is the longest text that a key takes, in bytes; false means that there is no such key.
func OptionLimit(key string) (int, bool) {
	for _, opt := range options {
		if opt.key == key {
			return opt.limit, true
		}
	}
	return 0, false
}

// OptionsBytes is the most that the texts of all options take together, in bytes.
func OptionsBytes() int64 {
	var sum int64
	for _, opt := range options {
		sum += int64(opt.limit)
	}
	return sum
}

// ParseOptions reads the keys of OptionKeys; an empty value means absent. Every fault is joined, and each is an ErrOption. What
// depends on the image is for CheckImage, whether the engine exists for the Remover to say.
func ParseOptions(get func(key string) string) (Options, error) {
	var o Options
	var errs []error
	for _, opt := range options {
		switch text := get(opt.key); {
		case text == "":
		case len(text) > opt.limit:
			errs = append(errs, fmt.Errorf("%w: %s: %d bytes of text, the limit is %d", ErrOption, opt.key, len(text), opt.limit))
		default:
			errs = append(errs, opt.parse(&o, text))
		}
	}
	if err := errors.Join(append(errs, o.conflicts())...); err != nil {
		return Options{}, err
	}
	return o, nil
}

// Values is the inverse of ParseOptions: what is absent is left out, and numbers are in their shortest form. Encoded as a query
// it has at most 3 MiB.
func (o Options) Values() url.Values {
	v := url.Values{}
	for _, opt := range options {
		if text := opt.text(o); text != "" {
			v.Set(opt.key, text)
		}
	}
	return v
}

// validate finds what is wrong with options whatever the image, for those that ParseOptions has not seen too.
func (o Options) validate() error {
	errs := []error{o.Channels.validate(), checkStrokes(o.Strokes), o.conflicts()}
	if o.Format != "" {
		_, err := parseFormat(string(o.Format))
		errs = append(errs, err)
	}
	if o.Quality != 0 {
		errs = append(errs, checkQuality(o.Quality))
	}
	if len(o.Mask) > MaxMaskBytes {
		errs = append(errs, maskTooLong(len(o.Mask)))
	}
	return errors.Join(errs...)
}

// conflicts finds options that contradict each other.
func (o Options) conflicts() error {
	var errs []error
	alpha := o.Channels == ChannelsAlpha
	if o.Format == OutputJPEG && !alpha && o.Background == nil {
		errs = append(errs, fmt.Errorf("%w: format: JPEG has no transparency; add bg_color, or channels=%s", ErrOption, ChannelsAlpha))
	}
	if alpha && o.Background != nil {
		errs = append(errs, fmt.Errorf("%w: bg_color: %s is behind a cut-out, channels=%s has none", ErrOption, o.Background, ChannelsAlpha))
	}
	return errors.Join(errs...)
}

// CheckImage finds, without decoding anything, what cannot be done to an image of width×height px: a ROI that is not inside, a
// mask that cannot be read or has another shape, a format that holds no such picture. A fault is an ErrOption.
func (o Options) CheckImage(limits Limits, width, height int) error {
	var errs []error
	longest := map[OutputFormat]int{OutputPNG: maxSide, OutputJPEG: 65500, OutputWebP: 16383} // libjpeg's, and WebP's own
	if f := o.format(); max(width, height) > longest[f] {
		errs = append(errs, fmt.Errorf("%w: format: %s holds up to %d px a side, the image has %d×%d", ErrOption, f, longest[f], width, height))
	}
	if !o.ROI.IsZero() {
		_, err := o.ROI.Rect(width, height)
		errs = append(errs, err)
	}
	if o.Mask != nil {
		_, err := inspectMask(o.Mask, limits, width, height)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// hints decodes what the engine is told of an image of width×height px. A fault is an ErrOption.
func (o Options) hints(limits Limits, width, height int) (Hints, error) {
	h := Hints{ROI: o.ROI, Strokes: o.Strokes}
	if o.Mask == nil {
		return h, nil
	}
	var err error
	h.Mask, err = readMask(o.Mask, limits, width, height)
	return h, err
}

// checkEngineName knows all engines, whether this build has them or not.
func checkEngineName(name string) error {
	if name == EngineFast || name == EngineOpenCV {
		return nil
	}
	return fmt.Errorf("%w: engine: must be %s or %s, is %.64q", ErrOption, EngineFast, EngineOpenCV, name)
}

// ChannelChoices are the values of channels.
func ChannelChoices() []Channels { return []Channels{ChannelsRGBA, ChannelsAlpha} }

// FormatChoices are the values of format.
func FormatChoices() []OutputFormat {
	return []OutputFormat{OutputAuto, OutputPNG, OutputJPEG, OutputWebP}
}

func (c Channels) validate() error {
	switch c {
	case "", ChannelsRGBA, ChannelsAlpha:
		return nil
	}
	return fmt.Errorf("%w: channels: must be %q or %q, is %.64q", ErrOption, ChannelsRGBA, ChannelsAlpha, string(c))
}

func parseFormat(s string) (OutputFormat, error) {
	switch f := OutputFormat(s); f {
	case "jpeg":
		return OutputJPEG, nil
	case OutputAuto, OutputPNG, OutputJPEG, OutputWebP:
		return f, nil
	}
	return "", fmt.Errorf("%w: format: must be %s, %s, %s or %s, is %.64q", ErrOption, OutputAuto, OutputPNG, OutputJPEG, OutputWebP, s)
}

func parseQuality(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, fmt.Errorf("%w: quality: must be a whole number of 1 to 100, is %.64q", ErrOption, s)
	}
	return n, checkQuality(n)
}

func checkQuality(n int) error {
	if n < 1 || n > 100 {
		return fmt.Errorf("%w: quality: must be 1 to 100, is %d", ErrOption, n)
	}
	return nil
}
