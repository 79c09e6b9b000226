//go:build cgo && matprofile

package imaging

import (
	"testing"

	"gocv.io/x/gocv"
)

// TestEveryMatIsClosed counts exactly, with gocv's own profile: go test -tags
// gocv_specific_modules,matprofile.
func TestEveryMatIsClosed(t *testing.T) {
	r := newRemover(t)
	before := gocv.MatProfile.Count()
	for _, name := range pictures(t) {
		data := readTestdata(t, name)
		_, _ = r.Remove(t.Context(), data, Options{})
		_, _ = r.Remove(t.Context(), edit(data, len(data)/2, 0xff, 0xff),
			Options{Channels: ChannelsAlpha})
	}
	if n := gocv.MatProfile.Count() - before; n != 0 {
		t.Errorf("%d matrices are open", n)
	}
}
