package option

import (
	"fmt"
	"strconv"

	"bgremove/imaging/picture"
)

// OutputFormat is a file format that results are written in.
type OutputFormat string

// The zero value stands for OutputPNG.
const (
	// JPEG where nothing of the result is transparent, else PNG; PNG for ChannelsAlpha
	OutputAuto OutputFormat = "auto"
	OutputPNG  OutputFormat = "png"
	OutputJPEG OutputFormat = "jpg" // needs a background or ChannelsAlpha
	OutputWebP OutputFormat = "webp"
	OutputZIP  OutputFormat = "zip" // colours and alpha in two files, see encodeZIP
)

// DefaultQuality is that of JPEG and WebP where none is asked for.
const DefaultQuality = 90

// ContentTypes are the media types of what is written.
var ContentTypes = map[OutputFormat]string{
	OutputPNG: "image/png", OutputJPEG: "image/jpeg", OutputWebP: "image/webp",
	OutputZIP: "application/zip",
}

// longestSides are what the formats hold, in px: libjpeg's limit, and WebP's own.
var longestSides = map[OutputFormat]int{
	OutputPNG: picture.MaxSide, OutputJPEG: 65500, OutputWebP: 16383, OutputZIP: 65500,
}

// FormatChoices are the values of format.
func FormatChoices() []OutputFormat {
	return []OutputFormat{OutputAuto, OutputPNG, OutputJPEG, OutputWebP, OutputZIP}
}

// Resolve is the format that a picture of that many channels is written in:
// never OutputAuto or empty.
func (f OutputFormat) Resolve(channels, width, height int) OutputFormat {
	switch {
	case f == OutputAuto && channels == 3 && max(width, height) <= longestSides[OutputJPEG]:
		return OutputJPEG
	case f == OutputAuto, f == "":
		return OutputPNG
	}
	return f
}

// CheckSides refuses what the format cannot hold. A fault is an ErrOption.
func (f OutputFormat) CheckSides(width, height int) error {
	f = f.Resolve(0, width, height)
	if max(width, height) > longestSides[f] {
		return fmt.Errorf("%w: format: %s holds up to %d px a side, the result would have %d×%d",
			picture.ErrOption, f, longestSides[f], width, height)
	}
	return nil
}

func parseQuality(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, fmt.Errorf("%w: quality: must be a whole number of 1 to 100, is %.64q",
			picture.ErrOption, s)
	}
	if n == 0 { // as no number stands for the default
		return 0, qualityFault(n)
	}
	return n, checkQuality(n)
}

// checkQuality takes 0 for the default.
func checkQuality(n int) error {
	if n < 0 || n > 100 {
		return qualityFault(n)
	}
	return nil
}

func qualityFault(n int) error {
	return fmt.Errorf("%w: quality: must be 1 to 100, is %d", picture.ErrOption, n)
}
