package eval

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
)

//go:embed sheet.html
var sheetTemplate string

// sheetCard is a picture on the sheet.
type sheetCard struct {
	*Picture
	Input, Truth template.URL
	Overlay      sheetOverlay
	Results      []sheetResult
}

type sheetResult struct {
	Score
	Cut template.URL
}

// sheetOverlay is what lies over the input: the hints, in px of the picture.
type sheetOverlay struct {
	ROI     []float64 // x, y, width, height; nil for none
	Strokes []sheetStroke
}

type sheetStroke struct {
	Keep     bool
	Diameter float64
	Points   string // "x,y x,y"
}

// WriteSheet writes an HTML page of the pictures on which the first engine did worst, the worst
// first: as many as Config.Worst said. The page needs nothing but itself.
func (r *Report) WriteSheet(w io.Writer) error {
	page, err := template.New("sheet").Funcs(template.FuncMap{
		"percent": func(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) },
		"share":   func(v float64) string { return fmt.Sprintf("%.3f", v) },
		"ms":      func(seconds float64) string { return fmt.Sprintf("%.0f ms", 1000*seconds) },
	}).Parse(sheetTemplate)
	if err != nil {
		return err
	}
	var worst []*Picture
	for _, p := range r.Pictures {
		if p.thumbs != nil {
			worst = append(worst, p)
		}
	}
	slices.SortFunc(worst, worstFirst)
	var cards []sheetCard
	for _, p := range worst {
		card, err := newSheetCard(p)
		if err != nil {
			return fmt.Errorf("%s: thumbnail: %w", p.Name, err)
		}
		cards = append(cards, card)
	}
	return page.Execute(w, struct {
		*Report
		Cards []sheetCard
	}{r, cards})
}

func newSheetCard(p *Picture) (sheetCard, error) {
	t := p.thumbs
	card := sheetCard{Picture: p, Overlay: t.overlay()}
	var err error
	if card.Input, err = t.jpeg(nil); err != nil {
		return card, err
	}
	if card.Truth, err = t.jpeg(t.alphas[0]); err != nil {
		return card, err
	}
	for i, score := range p.Results {
		cut, err := t.jpeg(t.alphas[i+1])
		if err != nil {
			return card, err
		}
		card.Results = append(card.Results, sheetResult{score, cut})
	}
	return card, nil
}

func (t *thumbnails) overlay() sheetOverlay {
	var o sheetOverlay
	if roi := t.hints.ROI; !roi.IsZero() { // in px, as BoxROI makes it
		o.ROI = []float64{
			roi.X1.Value, roi.Y1.Value, roi.X2.Value - roi.X1.Value, roi.Y2.Value - roi.Y1.Value,
		}
	}
	for _, s := range t.hints.Strokes {
		var points []string
		// twice the first, so that a dot is drawn, too
		for _, p := range append(s.Points[:1:1], s.Points...) {
			points = append(points, fmt.Sprintf("%.1f,%.1f", p.X, p.Y))
		}
		o.Strokes = append(o.Strokes, sheetStroke{s.Keep, 2 * s.Radius, strings.Join(points, " ")})
	}
	return o
}
