package picture

import (
	"errors"
	"testing"
)

func FuzzROI(f *testing.F) {
	for _, s := range []string{
		"0 0 10 10", "5% 5% 95% 95%", "0px 1.5px 100% 7",
		"NaN 0 Inf 1e9", "0 0 0 0", "1 2 3", "-1 -1 5 5",
	} {
		f.Add(s, 100, 80)
	}
	f.Fuzz(func(t *testing.T, s string, w, h int) {
		roi, err := ParseROI(s)
		if err != nil {
			if !errors.Is(err, ErrOption) {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if again, err := ParseROI(roi.String()); err != nil || again != roi {
			t.Errorf("%q came back as %q, %v", s, again, err)
		}
		w, h = 1+max(w, -(w+1))%MaxSide, 1+max(h, -(h+1))%MaxSide
		rect, err := roi.Rect(w, h)
		switch {
		case err != nil && !errors.Is(err, ErrOption):
			t.Errorf("%q: %v", s, err)
		case err == nil &&
			(rect.Empty() || rect.Min.X < 0 || rect.Min.Y < 0 || rect.Max.X > w || rect.Max.Y > h):
			t.Errorf("%q in %d×%d: %v", s, w, h, rect)
		}
	})
}
