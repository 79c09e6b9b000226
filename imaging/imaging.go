// Package imaging turns the bytes of a picture into the bytes of its cut-out.
//
// Bytes in, bytes out: every native matrix is made and closed in this package. It imports nothing of bgremove's but
// what lies below it, and it is the only package that may import gocv.
package imaging

import (
	"context"
	"errors"
)

// What is wrong with an input. Messages behind them name the value and the limit and are fit to be shown to a client.
var (
	ErrUnsupported = errors.New("unsupported image format")
	ErrCorrupt     = errors.New("corrupt image")
	ErrTooLarge    = errors.New("image too large")
	ErrOption      = errors.New("bad option")
	// ErrNoForeground: the image is whole, but the engine cannot tell a foreground from a background in it.
	ErrNoForeground = errors.New("no foreground found")
)

// EngineOpenCV names cv::grabCut at full resolution.
const EngineOpenCV = "opencv"

const noOpenCV = "engine: opencv is not in this build (built without cgo); must be fast"

// Limits bound an input image; see Config.
type Limits struct {
	MaxBytes  int64
	MaxPixels int64
}

// Image is a decoded picture with its EXIF orientation applied.
type Image struct {
	Width, Height int
	Pix           []uint8 // h×w×3, RGB, row-major, no padding
	Alpha         []uint8 // h×w, the input's own alpha; nil where it has none

	cores int // that work on it at once; 0 means all
}

// Matte is an alpha matte: 255 is foreground, 0 background.
type Matte struct {
	Width, Height int
	Alpha         []uint8 // h×w, row-major, no padding

	edge    *edge    // what the engine found out around the edge; nil where the matte is hard
	opinion *opinion // of the prior; nil where none was asked
}

// Engine finds the foreground of an image. An engine is safe for concurrent use.
type Engine interface {
	Name() string
	// Matte returns a matte of img's size. It may ignore ctx while native code runs.
	Matte(ctx context.Context, img *Image, hints Hints) (*Matte, error)
}

// Result is an encoded cut-out. As JSON it is what is known of it, without the picture.
type Result struct {
	Data        []byte     `json:"-"`
	ContentType string     `json:"content_type"`
	Width       int        `json:"width"` // of what is written, px
	Height      int        `json:"height"`
	Foreground  Area       `json:"foreground"` // what is seen of it, without its shadow, in px of the result
	Input       Dimensions `json:"input"`      // of the image, with its orientation applied
	Engine      string     `json:"engine"`
	Quality     Quality    `json:"quality"` // its Box is in px of the image
	Stages      Stages     `json:"timings_ms,omitempty"`
}

// Area is a rectangle in px; all are 0 for none.
type Area struct {
	Top    int `json:"top"`
	Left   int `json:"left"`
	Width  int `json:"width"`
	Height int `json:"height"`
}

// Dimensions are a picture's sides in px.
type Dimensions struct {
	Width  int `json:"width"`
	Height int `json:"height"`
}
