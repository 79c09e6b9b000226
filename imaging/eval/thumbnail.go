package eval

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"html/template"
	"image"
	"image/color"
	"image/jpeg"
	"slices"

	"bgremove/imaging/picture"
)

const (
	thumbnailSide    = 320 // px, the longer side
	thumbnailQuality = 85  // of the JPEG
	chequerSide      = 10  // px
)

// thumbnails are what the sheet shows of one picture, reduced.
type thumbnails struct {
	hints         picture.Hints
	size          image.Point // of the picture, px
	width, height int         // reduced
	image         []float32   // height×width×3, RGB, 0..255
	alphas        [][]float32 // height×width, 0..255: the truth, then each engine's
}

func newThumbnails(img *picture.Image, truth *picture.Matte, hints picture.Hints) *thumbnails {
	longer := max(img.Width, img.Height)
	side := func(v int) int { return max(1, v*min(thumbnailSide, longer)/longer) }
	t := &thumbnails{
		hints: hints, size: image.Pt(img.Width, img.Height),
		width: side(img.Width), height: side(img.Height),
	}
	t.image = shrink(img.Pix, t.size, 3, t.width, t.height)
	t.add(truth)
	return t
}

func (t *thumbnails) add(m *picture.Matte) {
	t.alphas = append(t.alphas, shrink(m.Alpha, t.size, 1, t.width, t.height))
}

// shrink gives each new pixel the mean of the old ones that fall into it; no side may grow.
func shrink(pix []uint8, size image.Point, channels, width, height int) []float32 {
	sums := make([]float32, width*height*channels)
	counts := make([]float32, width*height)
	for y := range size.Y {
		for x := range size.X {
			to := y*height/size.Y*width + x*width/size.X
			counts[to]++
			for c := range channels {
				sums[to*channels+c] += float32(pix[(y*size.X+x)*channels+c])
			}
		}
	}
	for i := range sums {
		sums[i] /= counts[i/channels]
	}
	return sums
}

// jpeg is the picture over a chequerboard as a data URL; alpha is nil for the whole picture.
func (t *thumbnails) jpeg(alpha []float32) (template.URL, error) {
	out := image.NewRGBA(image.Rect(0, 0, t.width, t.height))
	for i := range t.width * t.height {
		x, y := i%t.width, i/t.width
		board, a := float32(204), float32(1)
		if (x/chequerSide+y/chequerSide)%2 == 1 {
			board = 153
		}
		if alpha != nil {
			a = alpha[i] / 255
		}
		mix := func(c int) uint8 { return uint8(a*t.image[3*i+c] + (1-a)*board + .5) }
		out.SetRGBA(x, y, color.RGBA{mix(0), mix(1), mix(2), 255})
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, out, &jpeg.Options{Quality: thumbnailQuality}); err != nil {
		return "", err
	}
	return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(buf.Bytes())),
		nil
}

// shelf keeps the thumbnails of the pictures on which the first engine did worst, and
// drops those of all others.
type shelf struct {
	size int
	kept []*Picture
}

func (s *shelf) add(p *Picture) {
	if p.thumbs == nil {
		return
	}
	s.kept = append(s.kept, p)
	if len(s.kept) <= s.size {
		return
	}
	best := slices.Index(s.kept, slices.MaxFunc(s.kept, worstFirst))
	s.kept[best].thumbs = nil
	s.kept = slices.Delete(s.kept, best, best+1)
}

// worstFirst orders pictures with results by the IoU of the first engine.
func worstFirst(a, b *Picture) int {
	return cmp.Or(cmp.Compare(a.Results[0].IoU, b.Results[0].IoU), cmp.Compare(a.Name, b.Name))
}
