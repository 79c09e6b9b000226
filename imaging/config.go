package imaging

import (
	"errors"
	"fmt"

	"bgremove/imaging/engine"
	"bgremove/imaging/engine/fast"
	"bgremove/imaging/picture"
)

// Config holds the limits on input images and the engine that is used when a request names none.
type Config struct {
	MaxImageMiB        int    `yaml:"max_image_mib" help:"largest input file in MiB, checked before anything is decoded"`
	MaxImageMegapixels int    `yaml:"max_image_megapixels" help:"largest input image in megapixels (width × height / 1e6), read from the header before anything is decoded"`
	Engine             string `yaml:"engine" help:"segmentation engine for requests that name none: fast, or opencv (cv::grabCut at full resolution: a hundred times slower on large images)"`
	Looks              int    `yaml:"looks" help:"how often the fast engine's network looks at an image: 1 once, 2 also at its mirror image, 3 also closer at a small subject; each is more exact and takes some 20 ms"`
	Prior              string `yaml:"prior" help:"network that estimates where the foreground is, as its description NET.json with NET.f16 beside it; empty means the built-in one"`
}

// DefaultConfig allows 32 MiB and 50 megapixels and uses the fast engine.
func DefaultConfig() Config {
	return Config{
		MaxImageMiB: 32, MaxImageMegapixels: 50, Engine: engine.Names()[0], Looks: fast.LooksCloser,
	}
}

// Validate joins every fault; each starts with the key it is about.
func (c Config) Validate() error {
	var errs []error
	if c.MaxImageMiB < 1 || c.MaxImageMiB > 1024 {
		errs = append(errs, fmt.Errorf("max_image_mib: must be 1 to 1024, is %d", c.MaxImageMiB))
	}
	if c.MaxImageMegapixels < 1 || c.MaxImageMegapixels > 1000 {
		errs = append(errs,
			fmt.Errorf("max_image_megapixels: must be 1 to 1000, is %d", c.MaxImageMegapixels))
	}
	errs = append(errs, engine.Check(c.Engine))
	if c.Looks < fast.LooksOnce || c.Looks > fast.LooksCloser {
		errs = append(errs,
			fmt.Errorf("looks: must be %d to %d, is %d", fast.LooksOnce, fast.LooksCloser, c.Looks))
	}
	if c.Prior != "" {
		if _, _, err := fast.ReadPrior(c.Prior); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Limits are the bounds that Inspect enforces.
func (c Config) Limits() picture.Limits {
	return picture.Limits{
		MaxBytes: int64(c.MaxImageMiB) << 20, MaxPixels: int64(c.MaxImageMegapixels) * 1_000_000,
	}
}

// engines is what the engines take of it.
func (c Config) engines() engine.Config {
	return engine.Config{Fast: fast.Config{Looks: c.Looks, Network: c.Prior}}
}
