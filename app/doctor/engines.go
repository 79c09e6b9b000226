package doctor

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"regexp"
	"time"

	"bgremove/imaging"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

const (
	drawnSide  = 256 // px
	drawnInset = 64  // px from each border to the drawn subject
	slowCut    = 2 * time.Second
)

// engines has each engine cut out a drawn picture.
func (d *doctor) engines(ctx context.Context) []finding {
	remover, err := imaging.New(d.cfg.Imaging)
	if err != nil {
		return []finding{fail("engines", err.Error(), "see imaging.prior and imaging.engine")}
	}
	found := []finding{linkedOpenCV(remover.Engines())}
	picture, err := drawn()
	if err != nil {
		return append(found,
			fail("engines", err.Error(), "report it: a picture could not be drawn"))
	}
	for _, engine := range remover.Engines() {
		found = append(found, cutDrawn(ctx, remover, engine, picture))
	}
	return found
}

// linkedOpenCV says which OpenCV this process has loaded. Only imaging may ask OpenCV itself; the
// kernel knows the file too.
func linkedOpenCV(engines []string) finding {
	const name = "opencv"
	maps, err := os.ReadFile("/proc/self/maps")
	if err == nil {
		if match := regexp.MustCompile(`(/\S*libopencv_core\.so\.([0-9.]+))`).
			FindSubmatch(maps); match != nil {
			return ok(name, "%s from %s", match[2], match[1])
		}
	}
	if len(engines) == 1 {
		return ok(name, "none: this is the build without it, the engine is %s", engines[0])
	}
	return ok(name, "linked in, its version is not told")
}

// drawn is a PNG of a red disc with a yellow rim before a green that gets lighter downwards.
func drawn() ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, drawnSide, drawnSide))
	const middle, radius = drawnSide / 2, drawnSide/2 - drawnInset
	for y := range drawnSide {
		for x := range drawnSide {
			c := color.RGBA{40, uint8(100 + y/4), 60, 255}
			switch r := (x-middle)*(x-middle) + (y-middle)*(y-middle); {
			case r <= (radius-10)*(radius-10):
				c = color.RGBA{200, uint8(30 + x/8), 40, 255}
			case r <= radius*radius:
				c = color.RGBA{230, 200, 40, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	var out bytes.Buffer
	err := png.Encode(&out, img)
	return out.Bytes(), err
}

// cutDrawn has one engine find the disc. A region of interest, as it makes the task the same for
// every engine and network.
func cutDrawn(ctx context.Context, remover *imaging.Remover, engine string, drawn []byte) finding {
	name := "engine " + engine
	roi, err := picture.ParseROI(fmt.Sprintf("%d %d %d %d",
		drawnInset-16, drawnInset-16, drawnSide-drawnInset+16, drawnSide-drawnInset+16))
	if err != nil {
		return fail(name, err.Error(), "report it: a region could not be named")
	}
	start := time.Now()
	result, err := remover.Remove(ctx, drawn, option.Options{Engine: engine, ROI: roi})
	took := time.Since(start)
	const want = drawnSide - 2*drawnInset
	box := result.Quality.Box
	switch {
	case err != nil:
		return fail(name, reason(err), "report it with the output of bgremove version; until "+
			"then name another engine in imaging.engine")
	case far(box.X, drawnInset) || far(box.Y, drawnInset) || far(box.Width, want) ||
		far(box.Height, want):
		return fail(name, fmt.Sprintf("the subject of a drawn picture is at %d,%d with %d×%d px, "+
			"and was found at %d,%d with %d×%d px",
			drawnInset, drawnInset, want, want, box.X, box.Y, box.Width, box.Height),
			"see imaging.prior, if you set it; report it otherwise, with the output of bgremove "+
				"version")
	case took > slowCut:
		return warn(name, fmt.Sprintf("cut out %d×%d px in %s", drawnSide, drawnSide, short(took)),
			"see what else loads this machine, and the line of the CPU")
	}
	return ok(name, "cut out %d×%d px in %s", drawnSide, drawnSide, short(took))
}

func far(got, want int) bool { return got < want-8 || got > want+8 }
