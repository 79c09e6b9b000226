package option

import (
	"encoding/base64"
	"fmt"
	"strconv"

	"bgremove/imaging/picture"
)

const maxShortText = 1 << 10

// option is one key of a request.
type option struct {
	key   string
	limit int // of the text, in bytes
	file  int // what it may have as a file of a form, in bytes; 0 for what is never a file
	parse func(o *Options, text string) error
	text  func(o Options) string // what parse reads; empty for absent
}

// options are all there are: whoever reads or lists keys goes by this table.
var options = []option{
	{
		"roi", maxShortText, 0,
		func(o *Options, s string) (err error) { o.ROI, err = picture.ParseROI(s); return err },
		func(o Options) string { return o.ROI.String() },
	},
	{
		"mask", maxMaskText, MaxMaskBytes,
		func(o *Options, s string) (err error) {
			o.Mask, err = parseFileText("mask", s, MaxMaskBytes)
			return err
		},
		func(o Options) string { return FileText(o.Mask) },
	},
	{
		"strokes", maxStrokesText, 0,
		func(o *Options, s string) (err error) { o.Strokes, err = ParseStrokes(s); return err },
		func(o Options) string { return strokesText(o.Strokes) },
	},
	{
		"engine", maxShortText, 0,
		func(o *Options, s string) error { o.Engine = s; return checkEngineName(s) },
		func(o Options) string { return o.Engine },
	},
	{
		"channels", maxShortText, 0,
		func(o *Options, s string) error { o.Channels = Channels(s); return o.Channels.Validate() },
		func(o Options) string { return string(o.Channels) },
	},
	{
		"format", maxShortText, 0,
		func(o *Options, s string) (err error) { o.Format, err = parseFormat(s); return err },
		func(o Options) string { return string(o.Format) },
	},
	{
		"quality", maxShortText, 0,
		func(o *Options, s string) (err error) { o.Quality, err = parseQuality(s); return err },
		func(o Options) string { return numberText(float64(o.Quality), "") },
	},
	{
		"bg_color", maxShortText, 0,
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
	{
		"bg_image", maxBackgroundText, MaxBackgroundBytes,
		func(o *Options, s string) (err error) {
			o.BackgroundImage, err = parseFileText("bg_image", s, MaxBackgroundBytes)
			return err
		},
		func(o Options) string { return FileText(o.BackgroundImage) },
	},
	{
		"crop", maxShortText, 0,
		func(o *Options, s string) (err error) { o.Crop, err = parseFlag("crop", s); return err },
		func(o Options) string { return flagText(o.Crop) },
	},
	{
		"crop_margin", maxShortText, 0,
		func(o *Options, s string) (err error) { o.CropMargin, err = ParseMargin(s); return err },
		func(o Options) string { return o.CropMargin.String() },
	},
	{
		"scale", maxShortText, 0,
		func(o *Options, s string) (err error) { o.Scale, err = parseScale(s); return err },
		func(o Options) string { return numberText(o.Scale, "%") },
	},
	{
		"position", maxShortText, 0,
		func(o *Options, s string) (err error) { o.Position, err = ParsePosition(s); return err },
		func(o Options) string { return o.Position.String() },
	},
	{
		"size", maxShortText, 0,
		func(o *Options, s string) (err error) { o.Size, err = parseSize(s); return err },
		func(o Options) string { return numberText(o.Size, "") },
	},
	{
		"shadow", maxShortText, 0,
		func(o *Options, s string) (err error) { o.Shadow, err = parseFlag("shadow", s); return err },
		func(o Options) string { return flagText(o.Shadow) },
	},
}

// Keys are the keys that ParseOptions reads.
func Keys() []string {
	keys := make([]string, len(options))
	for i, opt := range options {
		keys[i] = opt.key
	}
	return keys
}

// Limit is the longest text that a key takes, in bytes; false means that there is no such key.
func Limit(key string) (int, bool) {
	for _, opt := range options {
		if opt.key == key {
			return opt.limit, true
		}
	}
	return 0, false
}

// FileLimit is how large a file a form may have for a key, in bytes; false means that the key takes text alone. ParseOptions reads
// the file as base64.
func FileLimit(key string) (int, bool) {
	for _, opt := range options {
		if opt.key == key && opt.file > 0 {
			return opt.file, true
		}
	}
	return 0, false
}

// TotalBytes is the most that the texts of all options take together, in bytes.
func TotalBytes() int64 {
	var sum int64
	for _, opt := range options {
		sum += int64(opt.limit)
	}
	return sum
}

// FileText is in the alphabet that a query need not escape.
func FileText(file []byte) string { return base64.RawURLEncoding.EncodeToString(file) }

func parseFlag(key, s string) (bool, error) {
	switch s {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, fmt.Errorf("%w: %s: must be true, false, 1 or 0, is %.64q", picture.ErrOption, key, s)
}

func flagText(v bool) string {
	if !v {
		return ""
	}
	return "true"
}

// numberText is empty for 0, which stands for the default.
func numberText(v float64, unit string) string {
	if v == 0 {
		return ""
	}
	return strconv.FormatFloat(v, 'f', -1, 64) + unit
}
