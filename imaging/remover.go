package imaging

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"runtime"
	"sync/atomic"

	"bgremove/imaging/codec"
	"bgremove/imaging/compose"
	"bgremove/imaging/engine"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
	"bgremove/imaging/stage"
)

// Remover cuts the foreground out of images. It is safe for concurrent use and sets no limit on how
// many run at once; they share the cores.
type Remover struct {
	limits  picture.Limits
	cores   int
	running atomic.Int64 // images
	engines *engine.Set
	engine  string // for requests that name none
}

// New returns a Remover with every engine there is, for as many cores as GOMAXPROCS says now.
func New(cfg Config) (*Remover, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	engines, err := engine.Open(cfg.engines())
	if err != nil {
		return nil, err
	}
	return &Remover{
		limits: cfg.Limits(), cores: runtime.GOMAXPROCS(0), engines: engines, engine: cfg.Engine,
	}, nil
}

// Close closes the engines. No Remove may be under way.
func (r *Remover) Close() error { return r.engines.Close() }

// Engines returns the names of the engines there are, sorted.
func (r *Remover) Engines() []string { return r.engines.Names() }

// DefaultEngine names the engine for requests that name none.
func (r *Remover) DefaultEngine() string { return r.engine }

// Version changes with all that may make another cut-out of the same picture and options.
func (r *Remover) Version() string { return r.engine + "; " + r.engines.Versions() }

// Limits returns the bounds on input images.
func (r *Remover) Limits() picture.Limits { return r.limits }

// Inspect is Inspect with r's limits.
func (r *Remover) Inspect(data []byte) (codec.Info, error) { return codec.Inspect(data, r.limits) }

// CheckOptions returns an ErrOption for options that no image could be processed with.
func (r *Remover) CheckOptions(opts option.Options) error {
	if err := opts.Validate(); err != nil {
		return err
	}
	_, err := r.Find(opts.Engine)
	return err
}

// Checked is an image with options that a Remover has found to be right, as far as that
// shows without decoding.
type Checked struct {
	Data    []byte
	Info    codec.Info
	Options option.Options
}

// Check finds what is wrong with the options, the image's header, and the two together.
//
// Errors: ErrUnsupported, ErrCorrupt, ErrTooLarge, ErrOption.
func (r *Remover) Check(data []byte, opts option.Options) (Checked, error) {
	if err := r.CheckOptions(opts); err != nil {
		return Checked{}, err
	}
	info, err := r.Inspect(data)
	if err != nil {
		return Checked{}, err
	}
	return Checked{data, info, opts}, opts.CheckImage(r.limits, info.Width, info.Height)
}

// Remove is Check, then RemoveChecked.
func (r *Remover) Remove(ctx context.Context, data []byte, opts option.Options) (Result, error) {
	c, err := r.Check(data, opts)
	if err != nil {
		return Result{}, err
	}
	return r.RemoveChecked(ctx, c)
}

// RemoveChecked decodes, segments and encodes one image that Check returned. It looks at ctx
// between the steps; a native call runs to its end.
//
// Errors: ErrCorrupt, ErrUnsupported, ErrOption, ErrNoForeground, ctx's own.
func (r *Remover) RemoveChecked(ctx context.Context, c Checked) (Result, error) {
	ctx, watch := stage.WithStopwatch(ctx)
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	data, info, opts := c.Data, c.Info, c.Options
	engine, err := r.Find(opts.Engine)
	if err != nil {
		return Result{}, err
	}
	hints, err := opts.Hints(r.limits, info.Width, info.Height)
	if err != nil {
		return Result{}, err
	}
	// more goroutines than cores make none of the images faster
	cores := max(1, r.cores/int(r.running.Add(1)))
	defer r.running.Add(-1)
	img, matte, err := segment(ctx, engine, data, info, hints, cores)
	if err != nil {
		return Result{}, err
	}
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	end := stage.Begin(ctx, "encode")
	file, err := compose.Encode(img, matte, opts, r.limits)
	end()
	if err != nil {
		return Result{}, err
	}
	end = stage.Begin(ctx, "quality")
	quality := r.Assess(img, hints, matte)
	end()
	return Result{
		Data: file.Data, ContentType: file.ContentType, Width: file.Width, Height: file.Height,
		Foreground: areaOf(file.Foreground), Input: Dimensions{img.Width, img.Height},
		Engine: engine.Name(), Quality: quality, Stages: watch.Stages,
	}, nil
}

// Assess describes a matte of the image. If the engine had no belief of its own, another is asked.
func (r *Remover) Assess(img *picture.Image, hints picture.Hints, m *picture.Matte) Quality {
	belief := m.Belief
	if belief == nil {
		belief = r.engines.Belief(img, hints)
	}
	return assess(img, m, belief)
}

// segment decodes and finds the foreground: at the same time, where the engine can begin
// with a reduced picture.
func segment(
	ctx context.Context, cutter engine.Engine, data []byte,
	info codec.Info, hints picture.Hints, cores int,
) (*picture.Image, *picture.Matte, error) {
	// pixels: the whole of a smaller image is there nearly as soon as a reduced picture
	const worthIt = 1_500_000
	if e, ok := cutter.(engine.Previewer); ok && info.Width*info.Height >= worthIt {
		end := stage.Begin(ctx, "preview")
		side := e.PreviewSide(image.Pt(info.Width, info.Height), hints)
		reduced, ok, err := codec.DecodeReduced(data, info, side)
		end()
		if err != nil {
			return nil, nil, err
		}
		if ok {
			reduced.Cores = cores
			return besideDecode(ctx, e, data, info, codec.PreviewOf(reduced, info), hints)
		}
	}
	end := stage.Begin(ctx, "decode")
	img, err := codec.Decode(data, info)
	end()
	if err != nil {
		return nil, nil, err
	}
	img.Cores = cores
	matte, err := cutter.Matte(ctx, img, hints)
	if err != nil {
		return nil, nil, fmt.Errorf("engine %s: %w", cutter.Name(), err)
	}
	return img, matte, nil
}

// Find returns the engine of that name, the default one for an empty name. An unknown name is an
// ErrOption.
func (r *Remover) Find(name string) (engine.Engine, error) {
	return r.engines.Find(cmp.Or(name, r.engine))
}
