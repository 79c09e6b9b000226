package option

import (
	"strings"

	"bgremove/imaging/engine"
	"bgremove/imaging/picture"
)

// Kind says what the text of an option is, and so how a form, a flag or a document offers it.
type Kind string

// The kinds of options.
const (
	Switch   Kind = "switch"   // true, false, 1 or 0
	Choice   Kind = "choice"   // one of Values
	Number   Kind = "number"   // of Min to Max
	Text     Kind = "text"     // a notation of its own, of which Values may be examples
	Document Kind = "document" // JSON
	File     Kind = "file"     // a picture; as text, its base64
)

// Option is one row of the table of options: what users are told of it, and what bounds it.
type Option struct {
	Name     string
	Kind     Kind
	Values   []string
	Min, Max float64
	Default  string // what counts where it is not given; empty for nothing
	Help     string // half a sentence, for a line of help
	MaxText  int    // bytes of its text
	MaxFile  int    // bytes of it as a file of a form; 0 where it is never one
}

// row is an option with what reads and writes it.
type row struct {
	Option
	parse func(o *Options, text string) error
	text  func(o Options) string   // what parse reads; empty for absent
	check func(o Options) error    // for options that were never text; nil where none can be wrong
	file  func(o *Options) *[]byte // where a File lies
}

// rows are every option there is: a new one is one row here.
var rows = []row{
	textRow("roi", "rectangle that holds the subject: 'x1 y1 x2 y2' in px or %", nil,
		func(o *Options, s string) (err error) { o.ROI, err = picture.ParseROI(s); return err },
		func(o Options) string { return o.ROI.String() }, nil),
	fileRow("mask", "picture that says where the subject is, of the size of each picture", MaxMaskBytes,
		func(o *Options) *[]byte { return &o.Mask }),
	{
		Option{Name: "strokes", Kind: Document, MaxText: maxStrokesText, Help: "strokes that say what to keep and drop, as JSON"},
		func(o *Options, s string) (err error) { o.Strokes, err = ParseStrokes(s); return err },
		func(o Options) string { return strokesText(o.Strokes) },
		func(o Options) error { return checkStrokes(o.Strokes) }, nil,
	},
	choiceRow("engine", strings.Join(engine.Names(), " or "), engine.Names(), "imaging.engine",
		func(o *Options) *string { return &o.Engine }),
	choiceRow("channels", "rgba, or alpha for the matte alone", ChannelChoices(), string(ChannelsRGBA),
		func(o *Options) *Channels { return &o.Channels }),
	{
		choice("format", "auto, png, jpg, webp or zip", FormatChoices(), string(OutputPNG)),
		func(o *Options, s string) (err error) { o.Format, err = parseFormat(s); return err },
		func(o Options) string { return string(o.Format) },
		func(o Options) error { return checkChoice("format", o.Format, FormatChoices()) }, nil,
	},
	{
		Option{
			Name: "quality", Kind: Number, Min: 1, Max: 100, Default: "90", MaxText: maxShortText,
			Help: "1 to 100, of JPEG and WebP",
		},
		func(o *Options, s string) (err error) { o.Quality, err = parseQuality(s); return err },
		func(o Options) string { return numberText(float64(o.Quality), "") },
		func(o Options) error { return checkQuality(o.Quality) }, nil,
	},
	textRow("bg_color", "colour to put behind the subject, such as white or #81d4fa", nil, parseBackground, backgroundText, nil),
	fileRow("bg_image", "picture to put behind the subject", MaxBackgroundBytes,
		func(o *Options) *[]byte { return &o.BackgroundImage }),
	switchRow("crop", "cut the result to the subject", func(o *Options) *bool { return &o.Crop }),
	textRow("crop_margin", "what to leave free around the cropped subject, such as 20px or 5%", nil,
		func(o *Options, s string) (err error) { o.CropMargin, err = ParseMargin(s); return err },
		func(o Options) string { return o.CropMargin.String() },
		func(o Options) error { return o.CropMargin.validate() }),
	textRow("scale", "how much of the result the subject takes, 10% to 100%", []string{"original"},
		func(o *Options, s string) (err error) { o.Scale, err = parseScale(s); return err },
		func(o Options) string { return numberText(o.Scale, "%") },
		func(o Options) error { return checkScale(o.Scale) }),
	textRow("position", "where the subject stands, such as center or '50% 100%'", []string{"original", "center"},
		func(o *Options, s string) (err error) { o.Position, err = ParsePosition(s); return err },
		func(o Options) string { return o.Position.String() },
		func(o Options) error { return o.Position.validate() }),
	textRow("size", "most megapixels of the result, or preview, hd, 4k ...", sizeNames(),
		func(o *Options, s string) (err error) { o.Size, err = parseSize(s); return err },
		func(o Options) string { return numberText(o.Size, "") },
		func(o Options) error { return checkSize(o.Size) }),
	switchRow("shadow", "draw a shadow beneath the subject", func(o *Options) *bool { return &o.Shadow }),
}

// Table returns every option of a picture.
func Table() []Option {
	table := make([]Option, len(rows))
	for i, r := range rows {
		table[i] = r.Option
	}
	return table
}

// Find returns the option of a name; false where there is none.
func Find(name string) (Option, bool) {
	for _, r := range rows {
		if r.Name == name {
			return r.Option, true
		}
	}
	return Option{}, false
}

// TotalBytes returns the most that the texts of all options take together, in bytes.
func TotalBytes() int64 {
	var sum int64
	for _, r := range rows {
		sum += int64(r.MaxText)
	}
	return sum
}
