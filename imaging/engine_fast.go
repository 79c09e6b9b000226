package imaging

import (
	"context"
	"crypto/sha256"
	"fmt"
	"image"
	"math"
	"runtime"
	"slices"

	"bgremove/imaging/maxflow"
)

// fastName is what requests and the configuration call it.
const fastName = "fast"

// fastConfig is the fast engine's.
type fastConfig struct {
	Looks   int    // how often the network looks: looksOnce to looksCloser
	Network string // file of its description, with the weights beside it; empty for the built-in one
}

// Weights of the network's log-odds against the colours, in the cut and in the band around its edge. Of 1, 2, 4 and 8 and of ½ and 2
// these did best on the pictures held out of its training.
const (
	cutPrior  = 2
	bandPrior = 2
)

// fast finds the foreground in a small picture, then its edge in one twice as large, then alpha at full resolution.
type fast struct {
	prior   Prior
	looks   int // see Config.Looks
	version string
	graphs  spares[maxflow.Grid]
}

// Values of Config.Looks.
const (
	looksOnce = iota + 1
	looksAtMirror
	looksCloser
)

// Version tells apart what differs in code, network or looks.
func (e *fast) Version() string { return e.version }

// Close frees the graphs. The network's memory goes with the engine.
func (e *fast) Close() error { return nil }

// newFast returns the engine with the network that the configuration names.
func newFast(cfg fastConfig) (*fast, error) {
	description, weights := netDescription, netWeights
	if cfg.Network != "" {
		var err error
		if description, weights, err = readPrior(cfg.Network); err != nil {
			return nil, err
		}
	}
	prior, err := newNetworkPrior(description, weights)
	if err != nil {
		return nil, err
	}
	return &fast{
		prior: prior, looks: cfg.Looks, version: fastVersion(description, weights, cfg.Looks),
		graphs: newSpares(runtime.GOMAXPROCS(0), func() *maxflow.Grid { return new(maxflow.Grid) }),
	}, nil
}

// fastVersion changes with the network and its looks. Its number is raised with the code, where that
// comes to other mattes.
func fastVersion(description, weights []byte, looks int) string {
	network := sha256.New()
	network.Write(description)
	network.Write(weights)
	return fmt.Sprintf("1, %d looks, network %x", looks, network.Sum(nil)[:8])
}

// Name returns fastName.
func (*fast) Name() string { return fastName }

// look is one image on its way through the steps.
type look struct {
	source source
	full   func() (source, error) // waits for the image itself; nil where source is it
	size   image.Point            // of the image
	hints  Hints
	scales scales

	part, inner image.Rectangle // what is looked at, and the roi within it
	wide        *look           // the look at the whole picture, before the closer one; nil where there was none
	band, small view            // that part at two sizes
	network     []float32       // what the network alone says: log-odds of foreground, of small
	z           []float32       // the same with what else is known
	mask        []uint8         // 0 or 1; of small, after the band pass of band
	graph       *maxflow.Grid
	models      *models // of small; nil where there was nothing to tell apart
}

// scales are the sizes of the pictures that are cut, in px of the longer side, with the weight γ of the links between neighbours that
// fits them.
type scales struct {
	small, band           int
	smallGamma, bandGamma float64
}

// step is one of those that an image goes through; ctx is looked at before each.
type step struct {
	name string
	run  func(ctx context.Context, l *look) error
}

func (e *fast) steps() []step {
	return []step{{"reduce", e.reduce}, {"prior", e.ask}, {"closer", e.closer}, {"cut", e.cut}, {"clean", e.clean}, {"whole", e.whole}, {"band", e.refine}}
}

// Matte allocates one byte a pixel of the image and some 20 MB besides. The first for each processor also
// allocates 15 MB for the network, which are kept.
func (e *fast) Matte(ctx context.Context, img *Image, hints Hints) (*Matte, error) {
	l := &look{source: source{img: img, factor: 1}, size: image.Pt(img.Width, img.Height), hints: hints}
	if err := e.find(ctx, l); err != nil {
		return nil, err
	}
	return l.matte(ctx, img)
}

// PreviewSide returns how long the longer side of a picture must be that can stand for the image. If
// the roi is much smaller than the image, no smaller picture may do.
func (e *fast) PreviewSide(size image.Point, hints Hints) int {
	longer := max(size.X, size.Y)
	part, _, err := region(size, hints.ROI)
	if err != nil {
		return longer // find says what is wrong with it
	}
	wanted := max(part.Dx(), part.Dy())
	return (scalesFor(hints).band*longer + wanted - 1) / wanted
}

// MatteFromPreview takes the steps that need only a reduced picture before it waits for the image.
func (e *fast) MatteFromPreview(
	ctx context.Context, preview source, size image.Point, whole func() (*Image, error), hints Hints,
) (*Matte, error) {
	full := func() (source, error) {
		img, err := whole()
		return source{img: img, factor: 1}, err
	}
	l := &look{source: preview, full: full, size: size, hints: hints}
	if err := e.find(ctx, l); err != nil {
		return nil, err
	}
	img, err := whole()
	if err != nil {
		return nil, err
	}
	return l.matte(ctx, img)
}

// find takes all steps that need no more than a reduced picture.
func (e *fast) find(ctx context.Context, l *look) error {
	l.scales = scalesFor(l.hints)
	l.graph = e.graphs.get()
	defer e.graphs.put(l.graph)
	for _, s := range e.steps() {
		if err := ctx.Err(); err != nil {
			return err
		}
		end := timed(ctx, s.name)
		err := s.run(ctx, l)
		end()
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func scalesFor(hints Hints) scales {
	if hints.marked() {
		return scales{small: 240, band: 400, smallGamma: 12, bandGamma: 16}
	}
	return scales{small: 160, band: 320, smallGamma: 8, bandGamma: 16}
}

func (e *fast) reduce(ctx context.Context, l *look) (err error) {
	if l.part, l.inner, err = region(l.size, l.hints.ROI); err != nil {
		return err
	}
	if l.source, err = l.sourceFor(l.part); err != nil {
		return err
	}
	return l.reduceTo(ctx, !l.hints.ROI.IsZero())
}

// sourceFor is what a part can be reduced from: the picture that stands for the image, if it shows enough of the part.
func (l *look) sourceFor(part image.Rectangle) (source, error) {
	if l.full == nil || max(part.Dx(), part.Dy()) >= l.scales.band*l.source.factor {
		return l.source, nil
	}
	return l.full()
}

// reduceTo makes both pictures of the part.
func (l *look) reduceTo(ctx context.Context, roi bool) (err error) {
	l.band.k = l.source.reduce(l.part, l.scales.band)
	l.small.k = l.band.k.reduce(l.scales.small)
	for _, v := range []*view{&l.band, &l.small} {
		v.roi, v.inner = roi, scaleRect(l.inner, l.part.Size(), v.k)
		if l.hints.marked() {
			if v.marks, err = l.hints.marks(ctx, l.part, v.k.width, v.k.height, l.size.X, l.size.Y); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *fast) ask(_ context.Context, l *look) error {
	e.estimate(l)
	return nil
}

// estimate takes the mean of what the network says of the picture and, if it may look more than once, of its mirror image, which is right
// more often than either. Marks are added.
func (e *fast) estimate(l *look) {
	l.z = e.logOdds(l, false)
	if e.looks >= looksAtMirror {
		for i, z := range e.logOdds(l, true) {
			l.z[i] = (l.z[i] + z) / 2
		}
	}
	l.network = l.z
	if l.small.marks != nil {
		l.z = slices.Clone(l.z)
		addMarks(l.z, l.small)
	}
}

// logOdds are the prior's, of small.
func (e *fast) logOdds(l *look, mirrored bool) []float32 {
	v := l.band
	v.mirrored = mirrored
	return e.prior.LogOdds(v).resample(l.small.k.width, l.small.k.height).v
}

// cut starts from the sign of the prior; what is marked stays as it is, and outside the roi everything is background.
func (e *fast) cut(ctx context.Context, l *look) error {
	k := l.small.k
	labels := slices.Repeat([]uint8{likeBackground}, len(l.z))
	l.small.fix(labels)
	var undecided []float32
	for i, label := range labels {
		if label == likeBackground {
			undecided = append(undecided, l.z[i])
		}
	}
	threshold := float32(0)
	if !slices.Contains(labels, sureForeground) {
		threshold = startThreshold(undecided, len(l.z))
	}
	for i, z := range l.z {
		if labels[i] == likeBackground && z > threshold {
			labels[i] = likeForeground
		}
	}
	var err error
	l.models, err = cut(ctx, l.graph, k, labels, l.z, cutOptions{iterations: 3, gamma: l.scales.smallGamma, prior: cutPrior})
	if err != nil {
		return err
	}
	l.mask = foreground(labels)
	return nil
}

// fix makes sure of what the caller is sure of: the marks, and that there is no foreground outside the roi.
func (v *view) fix(labels []uint8) {
	for i, m := range v.marks {
		switch m {
		case Keep:
			labels[i] = sureForeground
		case Drop:
			labels[i] = sureBackground
		}
	}
	for y := range v.k.height {
		row := labels[y*v.k.width:][:v.k.width]
		if y < v.inner.Min.Y || y >= v.inner.Max.Y {
			clear(row)
			continue
		}
		clear(row[:v.inner.Min.X])
		clear(row[v.inner.Max.X:])
	}
}

// foreground makes a mask of 0 and 1 of labels, in place.
func foreground(labels []uint8) []uint8 {
	for i := range labels {
		labels[i] &= 1
	}
	return labels
}

// startThreshold is 0, or lower where that would leave less than 1 % of the picture: then the top 15 % are foreground.
func startThreshold(z []float32, total int) float32 {
	above := 0
	for _, v := range z {
		if v > 0 {
			above++
		}
	}
	if above*100 >= total || len(z) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(z))
	return sorted[len(sorted)*85/100]
}

func (e *fast) clean(_ context.Context, l *look) error {
	clean(l.mask, l.small.k.width, l.small.k.height, l.small.marks)
	return nil
}

// refine moves the edge in the larger picture.
func (e *fast) refine(_ context.Context, l *look) error {
	k, small := l.band.k, l.small.k
	mask := enlarge(l.mask, small.width, small.height, k)
	reach := int(math.Round(bandReach * float64(k.width) / float64(small.width)))
	labels := bandLabels(mask, k.width, k.height, reach)
	l.band.fix(labels)
	z := grid{small.width, small.height, 1, l.z}.resample(k.width, k.height).v
	if l.models != nil {
		cutOnce(l.graph, k, labels, z, l.models, cutOptions{gamma: l.scales.bandGamma, prior: bandPrior})
	}
	l.mask = foreground(labels)
	return nil
}

// matte is the last step, at full resolution: alpha.
func (l *look) matte(ctx context.Context, img *Image) (*Matte, error) {
	defer timed(ctx, "alpha")()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m := &Matte{Width: img.Width, Height: img.Height, Alpha: make([]uint8, img.Width*img.Height)}
	newEdge(l.part, l.band.k, l.mask).soften(img, m)
	m.Belief = l.belief()
	if !slices.ContainsFunc(m.Alpha, func(a uint8) bool { return a > 0 }) { // what the band pass and alpha left
		return nil, fmt.Errorf("%w: every pixel is taken for background; a roi around the subject or a keep stroke on it may help", ErrNoForeground)
	}
	return m, nil
}

// belief returns what the network alone says.
func (l *look) belief() *Belief {
	return &Belief{Part: l.part, LogOdds: grid{l.small.k.width, l.small.k.height, 1, l.network}}
}

// Belief asks the network about an image, with nothing but the roi.
func (e *fast) Belief(img *Image, hints Hints) *Belief {
	l := &look{source: source{img: img, factor: 1}, size: image.Pt(img.Width, img.Height), scales: scalesFor(hints)}
	var err error
	if l.part, l.inner, err = region(l.size, hints.ROI); err != nil {
		return nil
	}
	l.band.k = l.source.reduce(l.part, l.scales.band)
	l.small.k = l.band.k.reduce(l.scales.small)
	l.band.roi, l.band.inner = !hints.ROI.IsZero(), scaleRect(l.inner, l.part.Size(), l.band.k)
	e.estimate(l) // without the marks: what the network alone says
	return l.belief()
}
