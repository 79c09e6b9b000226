package imaging

import (
	"context"
	"fmt"
	"image"
	"math"
	"slices"
)

// EngineFast names the engine that cuts a reduced picture and refines its edge.
const EngineFast = "fast"

// fast finds the foreground in a picture of 160 px, then its edge at 320 px, then alpha at full resolution.
type fast struct {
	prior Prior
}

func newFast() (*fast, error) {
	prior, err := newNetworkPrior(netDescription, netWeights)
	if err != nil {
		return nil, err
	}
	return &fast{prior: prior}, nil
}

// Name returns EngineFast.
func (*fast) Name() string { return EngineFast }

// state is one image on its way through the steps.
type state struct {
	img   *Image
	hints Hints

	part, inner image.Rectangle // what is looked at, and the roi within it
	band        working         // 320 px
	small       working         // 160 px
	z           []float32       // log-odds of foreground, of small
	mask        []uint8         // 0 or 1; of small, after the band pass of band
	matte       *Matte
}

// steps are taken in this order; ctx is looked at before each.
func (e *fast) steps() []func(ctx context.Context, s *state) error {
	return []func(context.Context, *state) error{e.reduce, e.ask, e.cut, e.clean, e.refine, e.soften}
}

// Matte allocates one byte a pixel of the image and some 30 MB besides.
func (e *fast) Matte(ctx context.Context, img *Image, hints Hints) (*Matte, error) {
	s := &state{img: img, hints: hints}
	for _, step := range e.steps() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := step(ctx, s); err != nil {
			return nil, err
		}
	}
	return s.matte, nil
}

func (e *fast) reduce(_ context.Context, s *state) (err error) {
	if s.part, s.inner, err = region(s.img, s.hints); err != nil {
		return err
	}
	s.band = reduce(s.img, s.part, bandSide)
	s.small = s.band.reduce(cutSide)
	return nil
}

func (e *fast) ask(_ context.Context, s *state) error {
	odds := e.prior.LogOdds(s.band, s.innerOf(s.band), !s.hints.ROI.IsZero())
	s.z = odds.resample(s.small.width, s.small.height).v
	return nil
}

func (s *state) innerOf(k working) image.Rectangle { return scaleRect(s.inner, s.part.Size(), k) }

// cut starts from the sign of the prior; outside the roi everything is background.
func (e *fast) cut(ctx context.Context, s *state) error {
	const gamma = 8 // at 160 px
	inside := s.innerOf(s.small)
	labels := make([]uint8, len(s.z))
	var allowed []float32
	for y := inside.Min.Y; y < inside.Max.Y; y++ {
		allowed = append(allowed, s.z[y*s.small.width+inside.Min.X:][:inside.Dx()]...)
	}
	threshold := startThreshold(allowed, len(s.z))
	for y := inside.Min.Y; y < inside.Max.Y; y++ {
		for x := inside.Min.X; x < inside.Max.X; x++ {
			i := y*s.small.width + x
			labels[i] = likeBackground
			if s.z[i] > threshold {
				labels[i] = likeForeground
			}
		}
	}
	if err := cut(ctx, s.small, labels, s.z, cutOptions{iterations: 5, gamma: gamma, prior: 1}); err != nil {
		return err
	}
	s.mask = labels
	for i := range labels {
		s.mask[i] &= 1
	}
	return nil
}

// startThreshold is 0, or lower where that would leave less than 1 % of the picture: then the top 15 % are foreground.
func startThreshold(z []float32, total int) float32 {
	above := 0
	for _, v := range z {
		if v > 0 {
			above++
		}
	}
	if above*100 >= total {
		return 0
	}
	sorted := slices.Sorted(slices.Values(z))
	return sorted[len(sorted)*85/100]
}

func (e *fast) clean(_ context.Context, s *state) error {
	clean(s.mask, s.small.width, s.small.height)
	return nil
}

// refine moves the edge at the larger side.
func (e *fast) refine(ctx context.Context, s *state) error {
	const gamma = 16 // at 320 px
	mask := enlarge(s.mask, s.small.width, s.small.height, s.band)
	reach := int(math.Round(bandReach * float64(s.band.width) / float64(s.small.width)))
	labels := bandLabels(mask, s.band.width, s.band.height, reach)
	s.forbidOutside(labels)
	z := grid{s.small.width, s.small.height, 1, s.z}.resample(s.band.width, s.band.height).v
	if err := cut(ctx, s.band, labels, z, cutOptions{iterations: 1, gamma: gamma, prior: .5}); err != nil {
		return err
	}
	for i := range labels {
		labels[i] &= 1
	}
	s.mask = labels
	return nil
}

// forbidOutside makes background of what is outside the roi.
func (s *state) forbidOutside(labels []uint8) {
	inside := s.innerOf(s.band)
	for i := range labels {
		if !image.Pt(i%s.band.width, i/s.band.width).In(inside) {
			labels[i] = sureBackground
		}
	}
}

func (e *fast) soften(_ context.Context, s *state) error {
	s.matte = &Matte{Width: s.img.Width, Height: s.img.Height, Alpha: make([]uint8, s.img.Width*s.img.Height)}
	s.matte.edge = newEdge(s.part, s.band, s.mask)
	s.matte.edge.soften(s.img, s.matte)
	if !slices.ContainsFunc(s.matte.Alpha, func(a uint8) bool { return a > 0 }) { // what refine and soften left
		return fmt.Errorf("%w: every pixel is taken for background", ErrNoForeground)
	}
	return nil
}
