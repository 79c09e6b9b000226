//go:build cgo

// Package grabcut is cv::grabCut at full resolution.
package grabcut

import (
	"context"
	"fmt"
	"image"
	"math"
	"runtime"
	"strings"

	"gocv.io/x/gocv"

	"bgremove/imaging/codec"
	"bgremove/imaging/picture"
	"bgremove/imaging/stage"
)

const (
	grabCutIterations = 5
	// grabCutInset is the share of each side that is taken for background where
	// the caller names no roi.
	grabCutInset = .05
	// grabCutMaxPixels bounds its memory to some 3.5 GB: a larger picture could end the process,
	// and every job with it.
	grabCutMaxPixels = 16_000_000
	// Its labels: bit 0 is foreground, bit 1 may change.
	grabCutBackground         uint8 = 0
	grabCutForeground         uint8 = 1
	grabCutProbablyBackground uint8 = 2
	grabCutProbablyForeground uint8 = 3

	// grabCutSeed is that of a fresh OpenCV thread; any constant gives the
	// same result on every run.
	grabCutSeed = 0
)

// Name is what requests and the configuration call it.
const Name = "opencv"

// Built says whether this build has it.
const Built = true

// New returns the engine, which has nothing to configure.
func New() (Engine, error) { return Engine{}, nil }

// Engine is cv::grabCut at full resolution. Its matte is hard: 0 or 255.
type Engine struct{}

// Name returns grabCutName.
func (Engine) Name() string { return Name }

// Version names that of OpenCV, which may cut otherwise.
func (Engine) Version() string { return "1, OpenCV " + gocv.OpenCVVersion() }

// Close has nothing to free.
func (Engine) Close() error { return nil }

// Matte takes what is outside the rectangle for background, also where a mask or a stroke keeps
// it. The native call cannot be cancelled: ctx is only looked at first. It takes about 220 bytes
// a pixel while it runs.
func (Engine) Matte(
	ctx context.Context, img *picture.Image, hints picture.Hints,
) (*picture.Matte, error) {
	defer stage.Begin(ctx, "grabcut")()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if n := img.Width * img.Height; n > grabCutMaxPixels {
		return nil, fmt.Errorf("%w: %d×%d px are %d pixels, the limit of this engine is %d",
			picture.ErrTooLarge, img.Width, img.Height, n, grabCutMaxPixels)
	}
	labels, rect, mode, err := grabCutStart(ctx, img, hints)
	if err != nil {
		return nil, err
	}
	bgr, err := BgrMat(img)
	if err != nil {
		return nil, err
	}
	defer bgr.Close()
	if labels, err = runGrabCut(bgr, labels, rect, mode); err != nil {
		return nil, err
	}
	return hardMatte(labels, img.Width, img.Height)
}

// grabCutStart chooses between cv::grabCut's ways to begin: from a rectangle alone, or, with a mask
// or strokes, from a label a pixel. labels are h×w with OpenCV's values.
func grabCutStart(
	ctx context.Context, img *picture.Image, hints picture.Hints,
) (labels []uint8, rect image.Rectangle, mode gocv.GrabCutMode, err error) {
	if !hints.Marked() {
		rect, err = grabCutRect(img.Width, img.Height, hints.ROI)
		return make([]uint8, img.Width*img.Height), rect, gocv.GCInitWithRect, err
	}
	whole := image.Rect(0, 0, img.Width, img.Height)
	rect, undecided := whole, grabCutProbablyBackground
	if !hints.ROI.IsZero() {
		if rect, err = hints.ROI.Rect(img.Width, img.Height); err != nil {
			return nil, rect, 0, err
		}
		if rect != whole { // which says nothing
			undecided = grabCutProbablyForeground
		}
	}
	if labels, err = hints.Marks(ctx, whole, img.Width, img.Height, img.Width,
		img.Height); err != nil {
		return nil, rect, 0, err
	}
	sure := map[uint8]uint8{
		picture.Drop: grabCutBackground, picture.Unknown: undecided,
		picture.Keep: grabCutForeground,
	}
	for i, m := range labels {
		if labels[i] = sure[m]; !image.Pt(i%img.Width, i/img.Width).In(rect) {
			labels[i] = grabCutBackground
		}
	}
	return labels, rect, gocv.GCInitWithMask, nil
}

// grabCutRect leaves at least one pixel of background, without which cv::grabCut throws: a roi of
// the whole image is taken without its outermost ring.
func grabCutRect(width, height int, roi picture.ROI) (image.Rectangle, error) {
	rect := insetRect(width, height, grabCutInset)
	if !roi.IsZero() {
		var err error
		if rect, err = roi.Rect(width, height); err != nil {
			return rect, err
		}
	}
	whole := image.Rect(0, 0, width, height)
	if rect == whole {
		rect = insetRect(width, height, 0)
	}
	if rect == whole {
		return rect, fmt.Errorf("%w: %d×%d px leave no room for a background",
			picture.ErrNoForeground, width, height)
	}
	return rect, nil
}

// insetRect takes a share of each side off both its ends, at least 1 px; a side
// below 3 px stays whole.
func insetRect(width, height int, share float64) image.Rectangle {
	inset := func(side int) int {
		if side < 3 {
			return 0
		}
		return max(1, int(math.Round(float64(side)*share)))
	}
	dx, dy := inset(width), inset(height)
	return image.Rect(dx, dy, width-dx, height-dy)
}

// BgrMat is for the caller to close.
func BgrMat(img *picture.Image) (gocv.Mat, error) {
	rgb, err := gocv.NewMatFromBytes(img.Height, img.Width, gocv.MatTypeCV8UC3, img.Pix)
	if err != nil {
		return gocv.Mat{}, fmt.Errorf("matrix of the image: %w", err)
	}
	defer rgb.Close()
	bgr := gocv.NewMat()
	if err := gocv.CvtColor(rgb, &bgr, gocv.ColorRGBToBGR); err != nil {
		bgr.Close()
		return gocv.Mat{}, fmt.Errorf("convert to BGR: %w", err)
	}
	return bgr, nil
}

// runGrabCut changes labels, one byte a pixel, to what cv::grabCut finds, and returns them.
func runGrabCut(
	bgr gocv.Mat, labels []uint8, rect image.Rectangle, mode gocv.GrabCutMode,
) ([]uint8, error) {
	background, foreground := gocv.NewMat(), gocv.NewMat()
	defer background.Close()
	defer foreground.Close()

	// The first colour clusters are drawn from a generator that each OS thread has of its own.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	gocv.SetRNGSeed(grabCutSeed)
	size := &picture.Image{Width: bgr.Cols(), Height: bgr.Rows()}
	err := codec.IntoGo(labels, size, gocv.MatTypeCV8UC1, func(m *gocv.Mat) error {
		return gocv.GrabCut(bgr, m, rect, &background, &foreground, grabCutIterations, mode)
	})
	if err != nil {
		if isColourModelFailure(err) {
			return nil, fmt.Errorf("%w: the colours of foreground and background do not separate",
				picture.ErrNoForeground)
		}
		return nil, fmt.Errorf("grabCut: %w", err)
	}
	return labels, nil
}

// isColourModelFailure tells an assertion on the colour models, which some images
// fail (no foreground is left, or a colour cluster is empty or flat), from a fault
// such as memory that ran out.
func isColourModelFailure(err error) bool {
	for _, name := range []string{"initGMMs", "endLearning", "calcInverseCovAndDeterm"} {
		if strings.Contains(err.Error(), name) {
			return true
		}
	}
	return false
}

// hardMatte maps labels in place: 1 and 3 are certain and probable foreground, 0 and 2 background.
func hardMatte(labels []uint8, width, height int) (*picture.Matte, error) {
	found := false
	for i, l := range labels {
		labels[i] = -(l & 1)
		found = found || l&1 != 0
	}
	if !found {
		return nil, fmt.Errorf("%w: every pixel is taken for background", picture.ErrNoForeground)
	}
	return &picture.Matte{Width: width, Height: height, Alpha: labels}, nil
}
