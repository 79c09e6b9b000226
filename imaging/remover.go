package imaging

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Remover cuts the foreground out of images. It is safe for concurrent use and sets no limit on how many run at once.
type Remover struct {
	limits  Limits
	engines map[string]Engine
	engine  string
}

// New returns a Remover with every engine there is.
func New(cfg Config) (*Remover, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	quick, err := newFast()
	if err != nil {
		return nil, err
	}
	r := &Remover{limits: cfg.Limits(), engines: map[string]Engine{}, engine: cfg.Engine}
	for _, e := range []Engine{quick, grabCut{}} {
		r.engines[e.Name()] = e
	}
	return r, nil
}

// Engines returns the names of the engines there are, sorted.
func (r *Remover) Engines() []string { return slices.Sorted(maps.Keys(r.engines)) }

// DefaultEngine names the engine for requests that name none.
func (r *Remover) DefaultEngine() string { return r.engine }

// Limits returns the bounds on input images.
func (r *Remover) Limits() Limits { return r.limits }

// Inspect is Inspect with r's limits.
func (r *Remover) Inspect(data []byte) (Info, error) { return Inspect(data, r.limits) }

// CheckOptions returns an ErrOption for options that no image could be processed with.
func (r *Remover) CheckOptions(opts Options) error {
	if err := opts.validate(); err != nil {
		return err
	}
	_, err := r.Find(opts.Engine)
	return err
}

// Remove inspects, decodes, segments and encodes one image. ctx is looked at between the steps; a native call runs to its end.
//
// Errors: ErrUnsupported, ErrCorrupt, ErrTooLarge, ErrOption, ErrNoForeground, ctx's own.
func (r *Remover) Remove(ctx context.Context, data []byte, opts Options) (Result, error) {
	if err := r.CheckOptions(opts); err != nil {
		return Result{}, err
	}
	engine, err := r.Find(opts.Engine)
	if err != nil {
		return Result{}, err
	}
	info, err := r.Inspect(data)
	if err != nil {
		return Result{}, err
	}
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	img, err := Decode(data, info)
	if err != nil {
		return Result{}, err
	}
	matte, err := engine.Matte(ctx, img, Hints{ROI: opts.ROI, Strokes: opts.Strokes})
	if err != nil {
		return Result{}, fmt.Errorf("engine %s: %w", engine.Name(), err)
	}
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	if opts.Channels != ChannelsAlpha {
		decontaminate(img, matte)
	}
	withOwnAlpha(matte, img.Alpha)
	out, err := encode(img, matte, opts.Channels)
	if err != nil {
		return Result{}, err
	}
	return Result{Data: out, ContentType: contentTypePNG, Width: img.Width, Height: img.Height, Engine: engine.Name()}, nil
}

// Find returns the engine of that name, the default one for an empty name. An unknown name is an ErrOption.
func (r *Remover) Find(name string) (Engine, error) {
	if name == "" {
		name = r.engine
	}
	e, ok := r.engines[name]
	if !ok {
		return nil, fmt.Errorf("%w: engine: must be one of %s, is %.64q", ErrOption, strings.Join(r.Engines(), ", "), name)
	}
	return e, nil
}

func encode(img *Image, matte *Matte, channels Channels) ([]byte, error) {
	if channels == ChannelsAlpha {
		return encodeMatte(matte)
	}
	return encodeCutOut(img, matte)
}
