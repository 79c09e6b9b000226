// Package eval measures engines on photos whose foreground is known. It imports nothing of
// bgremove's but imaging.
package eval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"bgremove/imaging"
	"bgremove/imaging/picture"
)

// Engine is what is measured of an engine.
type Engine interface {
	Name() string
	Matte(ctx context.Context, img *picture.Image, hints picture.Hints) (*picture.Matte, error)
}

// Config says what is measured, and how.
type Config struct {
	Engines []Engine       // at least one; the first is the one that others are compared with
	Limits  picture.Limits // on images and on masks
	Hints   HintConfig
	Jobs    int // pictures at a time, at least 1
	Worst   int // of how many pictures thumbnails are kept for the sheet
	// Quality describes a matte without the truth; nil for no description.
	// Its time is not measured.
	Quality func(img *picture.Image, hints picture.Hints, matte *picture.Matte) imaging.Quality
	// Progress is called after each picture, by one goroutine at a time; nil for no call.
	Progress func(done, total int)
}

// Picture is what was measured on one image.
type Picture struct {
	Name    string  `json:"name"` // of the image's file
	Width   int     `json:"width"`
	Height  int     `json:"height"`
	Error   string  `json:"error,omitempty"` // why it could not be read; there are no results then
	Results []Score `json:"results"`         // in the order of Config.Engines
	thumbs  *thumbnails
}

// Score is how one engine did on one picture.
type Score struct {
	Engine string `json:"engine"`
	Metrics
	// of the engine alone, without reading and decoding
	Seconds float64 `json:"seconds"`
	// the engine's error; it counts as an empty mask
	Failure string `json:"failure,omitempty"`
	// nil where the engine failed or none was asked for
	Quality *imaging.Quality `json:"quality,omitempty"`
}

// Run measures every engine on every pair. A picture that cannot be read is in the report
// and does not end the run. When ctx ends, Run waits for the engines at work and returns
// what was measured until then.
func Run(ctx context.Context, cfg Config, pairs []Pair) *Report {
	pictures := make([]*Picture, len(pairs))
	todo := make(chan int)
	shelf := shelf{size: cfg.Worst}
	var (
		mu   sync.Mutex // guards done and shelf, and calls of Progress
		done int
		wg   sync.WaitGroup
	)
	for range cfg.Jobs {
		wg.Go(func() {
			for i := range todo {
				p := cfg.measure(ctx, pairs[i])
				if p == nil {
					continue
				}
				pictures[i] = p
				mu.Lock()
				done++
				shelf.add(p)
				if cfg.Progress != nil {
					cfg.Progress(done, len(pairs))
				}
				mu.Unlock()
			}
		})
	}
	feed(ctx, todo, len(pairs))
	wg.Wait()
	return cfg.report(
		slices.DeleteFunc(pictures, func(p *Picture) bool { return p == nil }), len(pairs))
}

func feed(ctx context.Context, todo chan<- int, n int) {
	defer close(todo)
	for i := range n {
		if ctx.Err() != nil { // select alone might go on by chance
			return
		}
		select {
		case todo <- i:
		case <-ctx.Done():
			return
		}
	}
}

// measure returns nil when ctx ended first.
func (cfg Config) measure(ctx context.Context, pair Pair) *Picture {
	p := &Picture{Name: pair.Name, Results: []Score{}}
	img, truth, err := pair.read(cfg.Limits)
	if err != nil {
		p.Error = err.Error()
		return p
	}
	p.Width, p.Height = img.Width, img.Height
	hints := cfg.Hints.of(truth)
	if cfg.Worst > 0 {
		p.thumbs = newThumbnails(img, truth, hints)
	}
	for _, engine := range cfg.Engines {
		if ctx.Err() != nil {
			return nil
		}
		score := Score{Engine: engine.Name()}
		start := time.Now()
		matte, err := engine.Matte(ctx, img, hints)
		score.Seconds = time.Since(start).Seconds()
		switch {
		case err == nil && (matte.Width != img.Width || matte.Height != img.Height):
			err = fmt.Errorf("the matte has %d×%d px, the image %d×%d",
				matte.Width, matte.Height, img.Width, img.Height)
		case err == nil && cfg.Quality != nil:
			quality := cfg.Quality(img, hints, matte)
			score.Quality = &quality
		}
		if err != nil {
			if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
				return nil
			}
			score.Failure = err.Error()
			matte = &picture.Matte{
				Width: img.Width, Height: img.Height, Alpha: make([]uint8, img.Width*img.Height),
			}
		}
		score.Metrics = Compare(matte, truth)
		p.Results = append(p.Results, score)
		if p.thumbs != nil {
			p.thumbs.add(matte)
		}
	}
	return p
}
