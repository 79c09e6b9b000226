package imaging

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"runtime"
	"sync/atomic"
)

// Remover cuts the foreground out of images. It is safe for concurrent use and sets no limit on how many run at once; they share the
// cores.
type Remover struct {
	limits  Limits
	cores   int
	running atomic.Int64 // images
	engines *engineSet
	engine  string // for requests that name none
}

// New returns a Remover with every engine there is, for as many cores as GOMAXPROCS says now.
func New(cfg Config) (*Remover, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	engines, err := openEngines(cfg.engines())
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
	ctx, watch := withStopwatch(ctx)
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
	if err := opts.CheckImage(r.limits, info.Width, info.Height); err != nil {
		return Result{}, err
	}
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	hints, err := opts.hints(r.limits, info.Width, info.Height)
	if err != nil {
		return Result{}, err
	}
	cores := max(1, r.cores/int(r.running.Add(1))) // more goroutines than cores make none of the images faster
	defer r.running.Add(-1)
	img, matte, err := segment(ctx, engine, data, info, hints, cores)
	if err != nil {
		return Result{}, err
	}
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	end := timed(ctx, "encode")
	file, err := encode(img, matte, opts, r.limits)
	end()
	if err != nil {
		return Result{}, err
	}
	end = timed(ctx, "quality")
	quality := r.Assess(img, hints, matte)
	end()
	return Result{
		Data: file.Data, ContentType: file.ContentType, Width: file.Width, Height: file.Height,
		Foreground: areaOf(file.Foreground), Input: Dimensions{img.Width, img.Height},
		Engine: engine.Name(), Quality: quality, Stages: watch.stages,
	}, nil
}

// Assess describes a matte of the image. If the engine had no belief of its own, another is asked.
func (r *Remover) Assess(img *Image, hints Hints, m *Matte) Quality {
	belief := m.Belief
	if belief == nil {
		belief = r.engines.Belief(img, hints)
	}
	return assess(img, m, belief)
}

// segment decodes and finds the foreground: at the same time, where the engine can begin with a reduced picture.
func segment(ctx context.Context, cutter Engine, data []byte, info Info, hints Hints, cores int) (*Image, *Matte, error) {
	const worthIt = 1_500_000 // pixels: the whole of a smaller image is there nearly as soon as a reduced picture
	if e, ok := cutter.(Previewer); ok && info.Width*info.Height >= worthIt {
		end := timed(ctx, "preview")
		side := e.PreviewSide(image.Pt(info.Width, info.Height), hints)
		reduced, ok, err := decodeReduced(data, info, side)
		end()
		if err != nil {
			return nil, nil, err
		}
		if ok {
			reduced.cores = cores
			return besideDecode(ctx, e, data, info, standFor(reduced, info), hints)
		}
	}
	end := timed(ctx, "decode")
	img, err := Decode(data, info)
	end()
	if err != nil {
		return nil, nil, err
	}
	img.cores = cores
	matte, err := cutter.Matte(ctx, img, hints)
	if err != nil {
		return nil, nil, fmt.Errorf("engine %s: %w", cutter.Name(), err)
	}
	return img, matte, nil
}

// Find returns the engine of that name, the default one for an empty name. An unknown name is an
// ErrOption.
func (r *Remover) Find(name string) (Engine, error) { return r.engines.Find(cmp.Or(name, r.engine)) }
