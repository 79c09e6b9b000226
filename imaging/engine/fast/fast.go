// Package fast finds the foreground in a small picture, by a network and a graph cut, then its edge
// in one twice as large, then alpha at full resolution.
package fast

import (
	"context"
	"crypto/sha256"
	"fmt"
	"image"
	"math"
	"runtime"
	"slices"

	"bgremove/imaging/maxflow"
	"bgremove/imaging/picture"
	"bgremove/imaging/stage"
)

// Name is what requests and the configuration call it.
const Name = "fast"

// Config is the fast engine's.
type Config struct {
	Looks int // how often the network looks: looksOnce to looksCloser
	// file of its description, with the weights beside it; empty for the built-in one
	Network string
}

// Weights of the network's log-odds against the colours, in the cut and in the band around its
// edge. Of 1, 2, 4 and 8 and of ½ and 2 these did best on the pictures held out of its training.
const (
	cutPrior  = 2
	bandPrior = 2
)

// Engine finds the foreground in a small picture, then its edge in one twice as large, then
// alpha at full resolution.
type Engine struct {
	prior   prior
	looks   int // see Config.Looks
	version string
	graphs  spares[maxflow.Grid]
}

// Values of Config.Looks.
const (
	LooksOnce = iota + 1
	LooksAtMirror
	LooksCloser
)

// Version tells apart what differs in code, network or looks.
func (e *Engine) Version() string { return e.version }

// Close frees the graphs. The network's memory goes with the engine.
func (e *Engine) Close() error { return nil }

// New returns the engine with the network that the configuration names.
func New(cfg Config) (*Engine, error) {
	description, weights := netDescription, netWeights
	if cfg.Network != "" {
		var err error
		if description, weights, err = ReadPrior(cfg.Network); err != nil {
			return nil, err
		}
	}
	prior, err := newNetworkPrior(description, weights)
	if err != nil {
		return nil, err
	}
	return &Engine{
		prior: prior, looks: cfg.Looks, version: fastVersion(description, weights, cfg.Looks),
		graphs: newSpares(runtime.GOMAXPROCS(0), func() *maxflow.Grid { return new(maxflow.Grid) }),
	}, nil
}

// fastVersion changes with the network and its looks. Its number is raised with the code, where
// that comes to other mattes.
func fastVersion(description, weights []byte, looks int) string {
	network := sha256.New()
	network.Write(description)
	network.Write(weights)
	return fmt.Sprintf("1, %d looks, network %x", looks, network.Sum(nil)[:8])
}

// Name returns fastName.
func (*Engine) Name() string { return Name }

// look is one image on its way through the steps.
type look struct {
	source picture.Source
	full   func() (picture.Source, error) // waits for the image itself; nil where source is it
	size   image.Point                    // of the image
	hints  picture.Hints
	scales scales

	part, inner image.Rectangle // what is looked at, and the roi within it
	// the look at the whole picture, before the closer one; nil where there was none
	wide        *look
	band, small view      // that part at two sizes
	network     []float32 // what the network alone says: log-odds of foreground, of small
	z           []float32 // the same with what else is known
	mask        []uint8   // 0 or 1; of small, after the band pass of band
	graph       *maxflow.Grid
	models      *models // of small; nil where there was nothing to tell apart
}

// scales are the sizes of the pictures that are cut, in px of the longer side, with the weight γ of
// the links between neighbours that fits them.
type scales struct {
	small, band           int
	smallGamma, bandGamma float64
}

// step is one of those that an image goes through; ctx is looked at before each.
type step struct {
	name string
	run  func(ctx context.Context, l *look) error
}

func (e *Engine) steps() []step {
	return []step{
		{"reduce", e.reduce},
		{"prior", e.ask},
		{"closer", e.closer},
		{"cut", e.cut},
		{"clean", e.clean},
		{"whole", e.whole},
		{"band", e.refine},
	}
}

// Matte allocates one byte a pixel of the image and some 20 MB besides. The first for each
// processor also allocates 15 MB for the network, which are kept.
func (e *Engine) Matte(
	ctx context.Context, img *picture.Image, hints picture.Hints,
) (*picture.Matte, error) {
	l := &look{
		source: picture.Source{Img: img, Factor: 1},
		size:   image.Pt(img.Width, img.Height), hints: hints,
	}
	if err := e.find(ctx, l); err != nil {
		return nil, err
	}
	return l.matte(ctx, img)
}

// PreviewSide returns how long the longer side of a picture must be that can stand for the image.
// If the roi is much smaller than the image, no smaller picture may do.
func (e *Engine) PreviewSide(size image.Point, hints picture.Hints) int {
	longer := max(size.X, size.Y)
	part, _, err := picture.Region(size, hints.ROI)
	if err != nil {
		return longer // find says what is wrong with it
	}
	wanted := max(part.Dx(), part.Dy())
	return (scalesFor(hints).band*longer + wanted - 1) / wanted
}

// MatteFromPreview takes the steps that need only a reduced picture before it waits for the image.
func (e *Engine) MatteFromPreview(
	ctx context.Context, preview picture.Source, size image.Point,
	whole func() (*picture.Image, error), hints picture.Hints,
) (*picture.Matte, error) {
	full := func() (picture.Source, error) {
		img, err := whole()
		return picture.Source{Img: img, Factor: 1}, err
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
func (e *Engine) find(ctx context.Context, l *look) error {
	l.scales = scalesFor(l.hints)
	l.graph = e.graphs.get()
	defer e.graphs.put(l.graph)
	for _, s := range e.steps() {
		if err := ctx.Err(); err != nil {
			return err
		}
		end := stage.Begin(ctx, s.name)
		err := s.run(ctx, l)
		end()
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func scalesFor(hints picture.Hints) scales {
	if hints.Marked() {
		return scales{small: 240, band: 400, smallGamma: 12, bandGamma: 16}
	}
	return scales{small: 160, band: 320, smallGamma: 8, bandGamma: 16}
}

func (e *Engine) reduce(ctx context.Context, l *look) (err error) {
	if l.part, l.inner, err = picture.Region(l.size, l.hints.ROI); err != nil {
		return err
	}
	if l.source, err = l.sourceFor(l.part); err != nil {
		return err
	}
	return l.reduceTo(ctx, !l.hints.ROI.IsZero())
}

// sourceFor is what a part can be reduced from: the picture that stands for the image, if it
// shows enough of the part.
func (l *look) sourceFor(part image.Rectangle) (picture.Source, error) {
	if l.full == nil || max(part.Dx(), part.Dy()) >= l.scales.band*l.source.Factor {
		return l.source, nil
	}
	return l.full()
}

// reduceTo makes both pictures of the part.
func (l *look) reduceTo(ctx context.Context, roi bool) (err error) {
	l.band.k = l.source.Reduce(l.part, l.scales.band)
	l.small.k = l.band.k.Reduce(l.scales.small)
	for _, v := range []*view{&l.band, &l.small} {
		v.roi, v.inner = roi, picture.ScaleRect(l.inner, l.part.Size(), v.k)
		if l.hints.Marked() {
			if v.marks, err = l.hints.Marks(ctx, l.part, v.k.Width, v.k.Height, l.size.X,
				l.size.Y); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Engine) ask(_ context.Context, l *look) error {
	e.estimate(l)
	return nil
}

// estimate takes the mean of what the network says of the picture and, if it may look more than
// once, of its mirror image, which is right more often than either. Marks are added.
func (e *Engine) estimate(l *look) {
	l.z = e.logOdds(l, false)
	if e.looks >= LooksAtMirror {
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
func (e *Engine) logOdds(l *look, mirrored bool) []float32 {
	v := l.band
	v.mirrored = mirrored
	return e.prior.LogOdds(v).Resample(l.small.k.Width, l.small.k.Height).V
}

// cut starts from the sign of the prior; what is marked stays as it is, and outside the roi
// everything is background.
func (e *Engine) cut(ctx context.Context, l *look) error {
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
	l.models, err = cut(ctx, l.graph, k, labels, l.z,
		cutOptions{iterations: 3, gamma: l.scales.smallGamma, prior: cutPrior})
	if err != nil {
		return err
	}
	l.mask = foreground(labels)
	return nil
}

// fix makes sure of what the caller is sure of: the marks, and that there is no
// foreground outside the roi.
func (v *view) fix(labels []uint8) {
	for i, m := range v.marks {
		switch m {
		case picture.Keep:
			labels[i] = sureForeground
		case picture.Drop:
			labels[i] = sureBackground
		}
	}
	for y := range v.k.Height {
		row := labels[y*v.k.Width:][:v.k.Width]
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

// startThreshold is 0, or lower where that would leave less than 1 % of the picture: then the
// top 15 % are foreground.
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

func (e *Engine) clean(_ context.Context, l *look) error {
	clean(l.mask, l.small.k.Width, l.small.k.Height, l.small.marks)
	return nil
}

// refine moves the edge in the larger picture.
func (e *Engine) refine(_ context.Context, l *look) error {
	k, small := l.band.k, l.small.k
	mask := enlarge(l.mask, small.Width, small.Height, k)
	reach := int(math.Round(bandReach * float64(k.Width) / float64(small.Width)))
	labels := bandLabels(mask, k.Width, k.Height, reach)
	l.band.fix(labels)
	z := picture.Grid{small.Width, small.Height, 1, l.z}.Resample(k.Width, k.Height).V
	if l.models != nil {
		cutOnce(l.graph, k, labels, z, l.models,
			cutOptions{gamma: l.scales.bandGamma, prior: bandPrior})
	}
	l.mask = foreground(labels)
	return nil
}

// matte is the last step, at full resolution: alpha.
func (l *look) matte(ctx context.Context, img *picture.Image) (*picture.Matte, error) {
	defer stage.Begin(ctx, "alpha")()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m := &picture.Matte{
		Width: img.Width, Height: img.Height, Alpha: make([]uint8, img.Width*img.Height),
	}
	newEdge(l.part, l.band.k, l.mask).Soften(img, m)
	m.Belief = l.belief()
	// what the band pass and alpha left
	if !slices.ContainsFunc(m.Alpha, func(a uint8) bool { return a > 0 }) {
		return nil, fmt.Errorf("%w: every pixel is taken for background; a roi around the "+
			"subject or a keep stroke on it may help", picture.ErrNoForeground)
	}
	return m, nil
}

// belief returns what the network alone says.
func (l *look) belief() *picture.Belief {
	return &picture.Belief{
		Part: l.part, LogOdds: picture.Grid{l.small.k.Width, l.small.k.Height, 1, l.network},
	}
}

// Belief asks the network about an image, with nothing but the roi.
func (e *Engine) Belief(img *picture.Image, hints picture.Hints) *picture.Belief {
	l := &look{
		source: picture.Source{Img: img, Factor: 1}, size: image.Pt(img.Width, img.Height),
		scales: scalesFor(hints),
	}
	var err error
	if l.part, l.inner, err = picture.Region(l.size, hints.ROI); err != nil {
		return nil
	}
	l.band.k = l.source.Reduce(l.part, l.scales.band)
	l.small.k = l.band.k.Reduce(l.scales.small)
	l.band.roi, l.band.inner = !hints.ROI.IsZero(), picture.ScaleRect(l.inner,
		l.part.Size(), l.band.k)
	e.estimate(l) // without the marks: what the network alone says
	return l.belief()
}
