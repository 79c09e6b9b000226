package option

import (
	"strconv"
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
	Doc      string // sentences in Markdown, for the API's document
	Examples []string
	MaxText  int // bytes of its text
	MaxFile  int // bytes of it as a file of a form; 0 where it is never one
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
	textRow(Option{
		Name: "roi", Help: "rectangle that holds the subject: 'x1 y1 x2 y2' in px or %",
		Doc: "A rectangle that holds all of the subject, `x1 y1 x2 y2` in px or % of the " +
			"picture.",
		Examples: []string{"10% 5% 90% 100%"},
	},
		func(o *Options, s string) (err error) { o.ROI, err = picture.ParseROI(s); return err },
		func(o Options) string { return o.ROI.String() }, nil),
	fileRow(Option{
		Name: "mask", Help: "picture that says where the subject is, of the size of each picture",
		Doc: "A picture of the same shape, at most 1 MiB: white is kept, black dropped, grey " +
			"left to the engine. " +
			"A file of the form, or base64.",
		MaxFile: MaxMaskBytes,
	}, func(o *Options) *[]byte { return &o.Mask }),
	{
		Option{
			Name: "strokes", Kind: Document, MaxText: maxStrokesText,
			Help: "strokes that say what to keep and drop, as JSON",
		},
		func(o *Options, s string) (err error) { o.Strokes, err = ParseStrokes(s); return err },
		func(o Options) string { return strokesText(o.Strokes) },
		func(o Options) error { return checkStrokes(o.Strokes) }, nil,
	},
	choiceRow(Option{
		Name: "engine", Help: strings.Join(engine.Names(), " or "), Default: "imaging.engine",
		Doc: "`fast`, or OpenCV's grabCut to compare with, where the server has it.",
	}, engine.Names(), nil, func(o *Options) *string { return &o.Engine }),
	choiceRow(Option{
		Name: "channels", Help: "rgba, or alpha for the matte alone", Default: string(ChannelsRGBA),
		Doc: "The cut-out, or the matte alone as 8-bit grey.",
	}, ChannelChoices(), nil, func(o *Options) *Channels { return &o.Channels }),
	choiceRow(
		Option{Name: "format", Help: "auto, png, jpg, webp or zip", Default: string(OutputPNG)},
		FormatChoices(), map[string]OutputFormat{"jpeg": OutputJPEG},
		func(o *Options) *OutputFormat { return &o.Format }),
	{
		Option{
			Name: "quality", Kind: Number, Min: 1, Max: 100, Default: strconv.Itoa(DefaultQuality),
			MaxText: maxShortText,
			Help:    "1 to 100, of JPEG and WebP", Doc: "Of JPEG and WebP.",
		},
		func(o *Options, s string) (err error) { o.Quality, err = parseQuality(s); return err },
		func(o Options) string { return numberText(float64(o.Quality), "") },
		func(o Options) error { return checkQuality(o.Quality) }, nil,
	},
	textRow(Option{
		Name: "bg_color", Help: "colour to put behind the subject, such as white or #81d4fa",
		Doc: "An opaque colour behind the subject: `#fff`, `ffffff`, or a name that " +
			"CSS knows.",
		Examples: []string{"white"},
	}, parseBackground, backgroundText, nil),
	fileRow(Option{
		Name: "bg_image", Help: "picture to put behind the subject",
		Doc: "A picture behind the subject, at most 4 MiB and 12.5 megapixels; it covers all, " +
			"centred. " +
			"A file of the form, or base64.",
		MaxFile: MaxBackgroundBytes,
	}, func(o *Options) *[]byte { return &o.BackgroundImage }),
	switchRow(Option{
		Name: "crop", Help: "cut the result to the subject",
		Doc: "Cut the result down to the subject.",
	}, func(o *Options) *bool { return &o.Crop }),
	textRow(Option{
		Name: "crop_margin",
		Help: "what to leave free around the cropped subject, such as 20px or 5%",
		Doc: "Around the cropped subject, in px or % of its size: one value, two (top and " +
			"bottom, left and right) " +
			"or four (top, right, bottom, left), each at most 500px or 50%.",
		Examples: []string{"10%", "20px 40px"},
	},
		func(o *Options, s string) (err error) { o.CropMargin, err = ParseMargin(s); return err },
		func(o Options) string { return o.CropMargin.String() },
		func(o Options) error { return o.CropMargin.validate() }),
	textRow(Option{
		Name: "scale", Help: "how much of the result the subject takes, 10% to 100%",
		Values:   []string{"original"},
		Doc:      "Size of the subject in the result, `10%` to `100%`, or `original`.",
		Examples: []string{"80%"},
	},
		func(o *Options, s string) (err error) { o.Scale, err = parseScale(s); return err },
		func(o Options) string { return numberText(o.Scale, "%") },
		func(o Options) error { return checkScale(o.Scale) }),
	textRow(Option{
		Name: "position", Help: "where the subject stands, such as center or '50% 100%'",
		Values: []string{"original", "center"},
		Doc: "Where the subject stands: `original`, `center`, or `x%` or `x% y%`. " +
			"With `scale`, the default is `center`.",
		Examples: []string{"50% 100%"},
	},
		func(o *Options, s string) (err error) { o.Position, err = ParsePosition(s); return err },
		func(o Options) string { return o.Position.String() },
		func(o Options) error { return o.Position.validate() }),
	textRow(Option{
		Name: "size", Help: "most megapixels of the result, or preview, hd, 4k ...",
		Values: sizeNames(),
	},
		func(o *Options, s string) (err error) { o.Size, err = parseSize(s); return err },
		func(o Options) string { return numberText(o.Size, "") },
		func(o Options) error { return checkSize(o.Size) }),
	switchRow(Option{
		Name: "shadow", Help: "draw a shadow beneath the subject",
		Doc: "A soft shadow beneath the subject.",
	}, func(o *Options) *bool { return &o.Shadow }),
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
