// Package engine lists the engines, which find the foreground of images. Each has a folder of its
// own below this one and a line in openers; a test holds all of them to the same promises.
package engine

import (
	"context"
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"

	"bgremove/imaging/engine/fast"
	"bgremove/imaging/engine/grabcut"
	"bgremove/imaging/picture"
)

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
	Matte(ctx context.Context, img *picture.Image, hints picture.Hints) (*picture.Matte, error)
	// Close frees what the engine holds. No Matte may be under way, and none comes after it.
	Close() error
}

// Config is that of all engines.
type Config struct {
	Fast fast.Config
}

// opener is one row of the table of engines.
type opener struct {
	name  string
	built bool // false where this build leaves out what it needs
	open  func(c Config) (Engine, error)
}

// openers lists every engine: a new one is one line here.
func openers() []opener {
	return []opener{
		{fast.Name, true, func(c Config) (Engine, error) { return fast.New(c.Fast) }},
		{grabcut.Name, grabcut.Built, func(Config) (Engine, error) { return grabcut.New() }},
	}
}

// Check returns an error for a name that is none, and an ErrNotBuilt for what this build has not.
func Check(name string) error {
	names := Names()
	switch i := slices.Index(names, name); {
	case i < 0:
		return fmt.Errorf("engine: must be %s, is %.64q", strings.Join(names, " or "), name)
	case !openers()[i].built:
		return fmt.Errorf("engine: %s is %w (built without cgo); must be %s",
			name, picture.ErrNotBuilt, names[0])
	}
	return nil
}

// Names returns the names of all engines, whether this build has them or not. The first is the
// one that is used unless another is asked for.
func Names() []string {
	var names []string
	for _, o := range openers() {
		names = append(names, o.name)
	}
	return names
}

// Set holds the engines of this build.
type Set struct{ engines []Engine }

// Open opens every engine of this build.
func Open(cfg Config) (*Set, error) {
	s := &Set{}
	for _, o := range openers() {
		if !o.built {
			continue
		}
		e, err := o.open(cfg)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("engine %s: %w", o.name, err), s.Close())
		}
		s.engines = append(s.engines, e)
	}
	return s, nil
}

// Close closes all engines.
func (s *Set) Close() error {
	var errs []error
	for _, e := range s.engines {
		errs = append(errs, e.Close())
	}
	return errors.Join(errs...)
}

// Names returns those of the engines there are, sorted.
func (s *Set) Names() []string {
	var names []string
	for _, e := range s.engines {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names
}

// Versions returns the version of every engine, each behind its name.
func (s *Set) Versions() string {
	var versions []string
	for _, e := range s.engines {
		versions = append(versions, e.Name()+" "+e.Version())
	}
	return strings.Join(versions, "; ")
}

// Find returns the engine of a name. An unknown or absent one is an ErrOption.
func (s *Set) Find(name string) (Engine, error) {
	for _, e := range s.engines {
		if e.Name() == name {
			return e, nil
		}
	}
	if err := Check(name); errors.Is(err, picture.ErrNotBuilt) {
		return nil, fmt.Errorf("%w: %w", picture.ErrOption, err)
	}
	choice := strings.Join(s.Names(), ", ")
	return nil, fmt.Errorf("%w: engine: must be one of %s, is %.64q",
		picture.ErrOption, choice, name)
}

// Belief asks the first engine that can be asked; nil if none can, or the hints fit no such image.
func (s *Set) Belief(img *picture.Image, hints picture.Hints) *picture.Belief {
	for _, e := range s.engines {
		if b, ok := e.(Believer); ok {
			return b.Belief(img, hints)
		}
	}
	return nil
}

// Previewer is an engine that can begin with a reduced picture while the image is being decoded.
type Previewer interface {
	Engine
	// PreviewSide returns how long the longer side of such a picture must be, in px, for an image
	// of that size: up to that of the image itself.
	PreviewSide(size image.Point, hints picture.Hints) int
	// MatteFromPreview is Matte of an image that whole waits for and returns.
	MatteFromPreview(
		ctx context.Context, preview picture.Source, size image.Point,
		whole func() (*picture.Image, error), hints picture.Hints,
	) (*picture.Matte, error)
}

// Believer is an engine whose model can be asked alone, about mattes of engines that have none.
type Believer interface {
	Engine
	// Belief returns nil where the hints fit no such image.
	Belief(img *picture.Image, hints picture.Hints) *picture.Belief
}
