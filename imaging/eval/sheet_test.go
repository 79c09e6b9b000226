package eval

import (
	"bytes"
	"context"
	"encoding/base64"
	"image"
	"image/jpeg"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bgremove/imaging"
	"bgremove/imaging/picture"
)

// The sheet has as many pictures as were asked for, the worst first, names that are no markup,
// and needs no other file.
func TestSheet(t *testing.T) {
	images, masks := t.TempDir(), t.TempDir()
	// The engine takes everything for foreground: the smaller the truth, the worse.
	for name, share := range map[string]int{
		"good.png": 90, "<b>&.png": 30, "fair.png": 60, "bad.png": 10,
	} {
		writePNG(t, filepath.Join(images, name), blobs(100, 400, 1))
		writePNG(t, filepath.Join(masks, name),
			newMask(100, 400, func(x, _ int) bool { return x < share }))
	}
	pairs, _, err := Pairs(images, masks)
	if err != nil {
		t.Fatal(err)
	}
	widen := .1
	quality := func(*picture.Image, picture.Hints, *picture.Matte) imaging.Quality {
		return imaging.Quality{Confidence: .625}
	}
	r := Run(t.Context(), Config{
		Engines: []Engine{engine(whole)}, Limits: testLimits(), Jobs: 2, Worst: 3, Quality: quality,
		Hints: HintConfig{ROI: &widen, Strokes: true},
	}, pairs)
	page := sheetOf(t, r)
	var names []string
	for _, m := range regexp.MustCompile(`<h2>(.*?) <small>100×400`).
		FindAllStringSubmatch(page, -1) {
		names = append(names, m[1])
	}
	if want := []string{"bad.png", "&lt;b&gt;&amp;.png", "fair.png"}; !slices.Equal(names, want) {
		t.Errorf("pictures %q, want %q", names, want)
	}
	for _, want := range []string{
		"<dd>0.100</dd>", "<dd>90.0 %</dd>", "<dd>0.625</dd>", `class="roi" x="0" y="0" width="11"`,
		`class="stroke keep"`, `class="stroke"`,
		"widened by 10.0 %, and sparse strokes.",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "ZgotmplZ") ||
		regexp.MustCompile(`https?:|src="[^d]|<script|<link|@import|url\(`).MatchString(page) {
		t.Error("the page refers to something outside itself")
	}
	thumbnails := regexp.MustCompile(`src="data:image/jpeg;base64,([^"]*)"`).
		FindAllStringSubmatch(page, -1)
	if len(thumbnails) != 9 { // input, truth and result of each
		t.Errorf("%d thumbnails, want 9", len(thumbnails))
	}
	for _, m := range thumbnails {
		data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(m[1], "&#43;", "+"))
		if err != nil {
			t.Fatal(err)
		}
		size, err := jpeg.DecodeConfig(bytes.NewReader(data))
		if err != nil || size.Width != 80 || size.Height != 320 {
			t.Errorf("a thumbnail of %d×%d px: %v", size.Width, size.Height, err)
		}
	}
}

func TestSheetOfNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	images, masks := folders(t, 1)
	pairs, _, err := Pairs(images, masks)
	if err != nil {
		t.Fatal(err)
	}
	r := Run(ctx,
		Config{Engines: []Engine{engine(whole)}, Limits: testLimits(), Jobs: 1, Worst: 3}, pairs)
	page := sheetOf(t, r)
	for _, want := range []string{
		"No picture was measured.", "Hints: none.", "interrupted after 0.",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func sheetOf(t *testing.T, r *Report) string {
	t.Helper()
	var page strings.Builder
	if err := r.WriteSheet(&page); err != nil {
		t.Fatal(err)
	}
	return page.String()
}

func TestShrink(t *testing.T) {
	m := mask(
		"##..",
		"#...")
	small := &thumbnails{size: image.Pt(4, 2), width: 2, height: 1}
	small.add(m)
	if got, want := small.alphas[0], []float32{255 * 3. / 4, 0}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
