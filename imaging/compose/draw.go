package compose

import (
	"image"

	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

// rendering is a result before it is encoded.
type rendering struct {
	width, height int // px
	channels      int // 1: grey, 3: RGB, 4: RGBA, not premultiplied
	row           func(y int, dst []uint8)
	cores         int             // that write rows at once; 0 means all
	foreground    image.Rectangle // what is seen of it; empty where nothing is
}

// draw makes what the options ask for: the matte, the cut-out, or the cut-out over a background. A
// fault is an ErrOption.
func draw(
	img *picture.Image, matte *picture.Matte, opts option.Options, limits picture.Limits,
) (rendering, error) {
	c := newComposer(img, matte)
	box := c.visible()
	shaded := box
	if opts.Shadow = opts.Shadow && !box.Empty(); opts.Shadow {
		shaded = box.Union(planShadow(corners(box)).box())
	}
	f := frameOf(opts, image.Pt(matte.Width, matte.Height), box, shaded)
	if err := f.check(limits); err != nil {
		return rendering{}, err
	}
	p := rendering{width: f.width, height: f.height, cores: img.Cores, foreground: f.inResult(box)}
	if opts.Channels != option.ChannelsAlpha {
		c.learnColours()
	}
	if !opts.Shadow && opts.BackgroundImage == nil && f.isFilled() && !f.isResampled() {
		p.drawPart(c.of(f.from), opts)
		return p, nil
	}
	l := newLayers(c, f)
	if opts.Shadow {
		l.shadow = newShadow(c.of(box), planShadow(f.exactly(box)), f.width, f.height)
	}
	return p, p.drawLayers(l, c.of(f.from), opts, limits)
}

// drawPart is the fast way, for what needs no more than the foreground over at most one colour.
func (p *rendering) drawPart(c *composer, opts option.Options) {
	if opts.Background != nil {
		c.background = *opts.Background
	}
	switch {
	case opts.Channels == option.ChannelsAlpha:
		p.channels, p.row = 1, c.grey
	case opts.Background != nil, opts.Format == option.OutputAuto && c.isOpaque():
		p.channels, p.row = 3, c.rgb
	default:
		p.channels, p.row = 4, c.rgba
	}
}

// drawLayers is for everything else. part is what lies in the frame.
func (p *rendering) drawLayers(
	l *layers, part *composer, opts option.Options, limits picture.Limits,
) error {
	switch {
	case opts.BackgroundImage != nil:
		back, err := readBackground(opts.BackgroundImage, limits, p.width, p.height)
		if err != nil {
			return err
		}
		l.back = back
	case opts.Background != nil:
		l.back = plain(*opts.Background)
	case opts.Format == option.OutputAuto && l.isFilled() && part.isOpaque():
		l.back = plain(option.Colour{}) // which is not seen
	}
	switch {
	case opts.Channels == option.ChannelsAlpha:
		p.channels, p.row = 1, l.grey
	case l.back != nil:
		p.channels, p.row = 3, l.rgb
	default:
		p.channels, p.row = 4, l.rgba
	}
	return nil
}

// pixels is the whole picture, h×w×channels.
func (p rendering) pixels() []uint8 {
	n := p.width * p.channels
	pix := make([]uint8, n*p.height)
	picture.InParallel(p.cores, p.height, func(from, to int) {
		for y := from; y < to; y++ {
			p.row(y, pix[y*n:][:n])
		}
	})
	return pix
}
