package imaging

import (
	"errors"
	"fmt"
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
	return Config{MaxImageMiB: 32, MaxImageMegapixels: 50, Engine: engineNames()[0], Looks: looksCloser}
}

// Validate joins every fault; each starts with the key it is about.
func (c Config) Validate() error {
	var errs []error
	if c.MaxImageMiB < 1 || c.MaxImageMiB > 1024 {
		errs = append(errs, fmt.Errorf("max_image_mib: must be 1 to 1024, is %d", c.MaxImageMiB))
	}
	if c.MaxImageMegapixels < 1 || c.MaxImageMegapixels > 1000 {
		errs = append(errs, fmt.Errorf("max_image_megapixels: must be 1 to 1000, is %d", c.MaxImageMegapixels))
	}
	errs = append(errs, checkEngine(c.Engine))
	if c.Looks < looksOnce || c.Looks > looksCloser {
		errs = append(errs, fmt.Errorf("looks: must be %d to %d, is %d", looksOnce, looksCloser, c.Looks))
	}
	if c.Prior != "" {
		if _, _, err := readPrior(c.Prior); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Limits are the bounds that Inspect enforces.
func (c Config) Limits() Limits {
	return Limits{MaxBytes: int64(c.MaxImageMiB) << 20, MaxPixels: int64(c.MaxImageMegapixels) * 1_000_000}
}

// engines is what the engines take of it.
func (c Config) engines() engineConfig {
	return engineConfig{Fast: fastConfig{Looks: c.Looks, Network: c.Prior}}
}
