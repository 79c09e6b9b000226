// Package imaging turns the bytes of a picture into the bytes of its cut-out.
//
// Bytes in, bytes out: every native matrix is made and closed in this package. It imports nothing of bgremove's but
// what lies below it, and it is the only package that may import gocv.
package imaging

import (
	"context"
	"errors"
	"image"
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

	Belief *Belief // of the engine's model; nil if it has none that tells
}

// Belief is what a model alone says of a part of an image, before anything is cut out by it.
type Belief struct {
	Part    image.Rectangle // of the image, px
	LogOdds grid            // of foreground, over that part: one channel of any size
}

// Engine finds the foreground of images. It is safe for concurrent use.
type Engine interface {
	// Name is what requests and the configuration call it.
	Name() string
	// Version tells apart engines whose mattes of one picture may differ: by code, weights or
	// settings. It is part of the key under which results are found again.
	Version() string
	// Matte returns a matte of img's size. It may ignore ctx while native code runs. It returns the
	// same for the same picture and hints.
	//
	// Errors: ErrNoForeground, ErrTooLarge, ErrOption for hints that fit no such image, ctx's own.
	Matte(ctx context.Context, img *Image, hints Hints) (*Matte, error)
	// Close frees what the engine holds. No Matte may be under way, and none comes after it.
	Close() error
}

// Previewer is an engine that can begin with a reduced picture while the image is being decoded.
type Previewer interface {
	Engine
	// PreviewSide returns how long the longer side of such a picture must be, in px, for an image of
	// that size: up to that of the image itself.
	PreviewSide(size image.Point, hints Hints) int
	// MatteFromPreview is Matte of an image that whole waits for and returns.
	MatteFromPreview(
		ctx context.Context, preview source, size image.Point, whole func() (*Image, error), hints Hints,
	) (*Matte, error)
}

// Believer is an engine whose model can be asked alone, about mattes of engines that have none.
type Believer interface {
	Engine
	// Belief returns nil where the hints fit no such image.
	Belief(img *Image, hints Hints) *Belief
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
