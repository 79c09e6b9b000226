//go:build !cgo

// Package grabcut is cv::grabCut at full resolution. This build is without cgo, and so without it.
package grabcut

import (
	"context"

	"bgremove/imaging/picture"
)

// Name is what requests and the configuration call it.
const Name = "opencv"

// Built says whether this build has it.
const Built = false

// Engine has the methods of the one that is not here. There is no value of it that may be used.
type Engine struct{ absent }

type absent interface {
	Name() string
	Version() string
	Matte(ctx context.Context, img *picture.Image, hints picture.Hints) (*picture.Matte, error)
	Close() error
}

// New returns an ErrNotBuilt.
func New() (Engine, error) { return Engine{}, picture.ErrNotBuilt }
