package picture

import "fmt"

// MaxSide is the longest side that is read, in px: well below OpenCV's limit. JPEG's is lower.
const MaxSide = 1<<16 - 1

// Limits bound an input image; see Config.
type Limits struct {
	MaxBytes  int64
	MaxPixels int64
}

// Check compares sides first, so that their product cannot overflow.
func (l Limits) Check(width, height int) error {
	if width > MaxSide || height > MaxSide {
		return fmt.Errorf("%w: %d×%d px, the limit is %d px a side",
			ErrTooLarge, width, height, MaxSide)
	}
	if n := int64(width) * int64(height); n > l.MaxPixels {
		return fmt.Errorf("%w: %d×%d px are %d pixels, the limit is %d",
			ErrTooLarge, width, height, n, l.MaxPixels)
	}
	return nil
}
