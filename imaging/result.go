// Package imaging turns the bytes of a picture into the bytes of its cut-out.
//
// Remover takes the steps in their order: inspect, decode (codec), find the foreground (engine),
// draw (compose), assess. Each step has a room below this package; picture is the ground that all
// of them stand on. Bytes in, bytes out: every native matrix is made and closed in one of these
// rooms. They import nothing else of bgremove, and no other package may import gocv.
package imaging

import (
	"image"

	"bgremove/imaging/stage"
)

// Result is an encoded cut-out. As JSON it is what is known of it, without the picture.
type Result struct {
	Data        []byte `json:"-"`
	ContentType string `json:"content_type"`
	Width       int    `json:"width"` // of what is written, px
	Height      int    `json:"height"`
	// what is seen of it, without its shadow, in px of the result
	Foreground Area         `json:"foreground"`
	Input      Dimensions   `json:"input"` // of the image, with its orientation applied
	Engine     string       `json:"engine"`
	Quality    Quality      `json:"quality"` // its Box is in px of the image
	Stages     stage.Stages `json:"timings_ms,omitempty"`
}

// Area is a rectangle in px; all are 0 for none.
type Area struct {
	Top    int `json:"top"`
	Left   int `json:"left"`
	Width  int `json:"width"`
	Height int `json:"height"`
}

func areaOf(r image.Rectangle) Area {
	return Area{Top: r.Min.Y, Left: r.Min.X, Width: r.Dx(), Height: r.Dy()}
}

// Dimensions are a picture's sides in px.
type Dimensions struct {
	Width  int `json:"width"`
	Height int `json:"height"`
}
