package fast

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

// smallNetwork describes a network of one convolution with kernels of k×k, which halves its input's
// sides if k is 3. Its weights are 0 but for those given, as float16: the last is its bias.
func smallNetwork(channels, side, k int, given map[int]uint16) (description, weights []byte) {
	n := channels * k * k
	description = fmt.Appendf(nil, `{"input":[%d,%d,%d],"output":"z","nweights":%d,"layers":[`+
		`{"op":"conv","k":%d,"s":%d,"cin":%d,"cout":1,"relu":false,"i":"in","o":"z","w":0,"b":%d}]}`,
		channels, side, side, n+1, k, (k+1)/2, channels, n)
	weights = make([]byte, 2*(n+1))
	for i, v := range given {
		binary.LittleEndian.PutUint16(weights[2*i:], v)
	}
	return description, weights
}

// Some float16 numbers.
const (
	float16One       = 0x3c00
	float16Two       = 0x4000
	float16MinusFour = 0xc400
)

// drawnPlane shows a plane of 0 and 1 as rows of text: # for 1, . for 0.
func drawnPlane(t *testing.T, plane []float32, width int) string {
	t.Helper()
	var out bytes.Buffer
	for i, v := range plane {
		if i > 0 && i%width == 0 {
			out.WriteByte('\n')
		}
		switch v {
		case 0:
			out.WriteByte('.')
		case 1:
			out.WriteByte('#')
		default:
			t.Fatalf("number %d is %g, want 0 or 1", i, v)
		}
	}
	return out.String()
}

// TestHintChannels: a network is shown the roi and the marks where they are, each in its channel.
func TestHintChannels(t *testing.T) {
	const none = "....\n....\n....\n...."
	for name, tt := range map[string]struct {
		size              image.Point
		roi               image.Rectangle // empty for none
		marks             string          // as drawn shows them; "" for none
		mirrored          bool
		inRoi, keep, drop string
	}{
		"nothing": {size: image.Pt(4, 4), inRoi: none, keep: none, drop: none},
		"a roi": {
			size: image.Pt(8, 4), roi: image.Rect(2, 0, 6, 3),
			inRoi: ".##.\n.##.\n.##.\n....", keep: none, drop: none,
		},
		"marks of both kinds": {
			size: image.Pt(4, 4), marks: "#...\n#..-\n..--\n....",
			inRoi: none, keep: "#...\n#...\n....\n....", drop: "....\n...#\n..##\n....",
		},
		"all of them, mirrored": {
			size: image.Pt(4, 4), roi: image.Rect(0, 1, 2, 4), marks: "....\n##..\n....\n...-",
			mirrored: true,
			inRoi:    "....\n..##\n..##\n..##", keep: "....\n..##\n....\n....",
			drop: "....\n....\n....\n#...",
		},
		"strokes of one pixel, in a larger picture": {
			size:  image.Pt(8, 8),
			marks: "-.......\n-.......\n-......#\n-.....#.\n-....#..\n-...#...\n-..#....\n-.#.....",
			inRoi: none, keep: "....\n...#\n..#.\n.#..", drop: "#...\n#...\n#...\n#...",
		},
		"strokes without gaps, in a smaller picture": {
			size: image.Pt(2, 2), marks: "#.\n.-",
			inRoi: none, keep: "##..\n##..\n....\n....", drop: "....\n....\n..##\n..##",
		},
		"a picture of another shape": {
			size: image.Pt(3, 8), marks: "...\n...\n...\n...\n...\n...\n.#.\n...",
			inRoi: none, keep: "....\n....\n....\n.#..", drop: none,
		},
	} {
		v := view{
			k:     picture.Reduced{tt.size.X, tt.size.Y, make([]uint8, 3*tt.size.X*tt.size.Y)},
			inner: tt.roi, roi: !tt.roi.Empty(), mirrored: tt.mirrored,
		}
		for _, c := range strings.ReplaceAll(tt.marks, "\n", "") {
			v.marks = append(v.marks,
				map[rune]uint8{'#': picture.Keep, '-': picture.Drop, '.': picture.Unknown}[c])
		}
		wants := map[int][]string{
			channelsHints: {
				roiChannel: tt.inRoi, keepChannel: tt.keep,
				dropChannel: tt.drop, channelsHints - 1: none,
			},
			channelsRoi: {roiChannel: tt.inRoi},
		}
		for channels, want := range wants {
			const side = 4
			p, err := newNetworkPrior(smallNetwork(channels, side, 1, nil))
			if err != nil {
				t.Fatal(err)
			}
			input := p.input(v)
			for c := roiChannel; c < channels; c++ {
				if got := drawnPlane(t, input[c*side*side:][:side*side], side); got != want[c] {
					t.Errorf("%s, %d channels: channel %d is\n%s\nwant\n%s",
						name, channels, c, got, want[c])
				}
			}
		}
	}
}

// TestColourChannels: a network is shown blue, green and red, and its answer to a
// mirror image is turned back.
func TestColourChannels(t *testing.T) {
	k := picture.Reduced{2, 2, []uint8{118, 118, 118, 182, 118, 54, 118, 118, 118, 118, 118, 118}}
	for _, mirrored := range []bool{false, true} {
		for channel, want := range []float32{-1, 0, 1} {
			p, err := newNetworkPrior(
				smallNetwork(channelsHints, 2, 1, map[int]uint16{channel: float16One}))
			if err != nil {
				t.Fatal(err)
			}
			v := view{k: k, mirrored: mirrored}
			shown := []float32{0, want, 0, 0}
			if z := p.LogOdds(v); !slices.Equal(z.V, shown) {
				t.Errorf("channel %d, mirrored %v: %v, want %v", channel, mirrored, z.V, shown)
			}
			if mirrored {
				shown = []float32{want, 0, 0, 0}
			}
			if got := p.input(v)[4*channel:][:4]; !slices.Equal(got, shown) {
				t.Errorf("channel %d, mirrored %v: shown %v, want %v",
					channel, mirrored, got, shown)
			}
		}
	}
}

// TestPriorOfFourChannels: a network of the kind that was shipped before, of four channels and 160
// px, is still read from files and does its work, whatever the hints. This one takes what is
// bright for foreground.
func TestPriorOfFourChannels(t *testing.T) {
	const middle, k = 4, 3 // of a kernel; a kernel's side
	description, weights := smallNetwork(channelsRoi, 160, k, map[int]uint16{
		middle: float16Two, k*k + middle: float16Two, 2*k*k + middle: float16Two,
		channelsRoi * k * k: float16MinusFour,
	})
	cfg := Config{Looks: LooksCloser}
	cfg.Network = filepath.Join(t.TempDir(), "four.json")
	for name, data := range map[string][]byte{"four.json": description, "four.f16": weights} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(cfg.Network), name), data,
			0o600); err != nil {
			t.Fatal(err)
		}
	}
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	square := image.Rect(300, 200, 500, 420)
	stroke := picture.Stroke{Keep: true, Radius: 5, Points: []picture.Point{{320, 220}, {480, 400}}}
	for name, hints := range map[string]picture.Hints{
		"nothing given": {},
		"roi":           {ROI: imagingtest.ROI(t, "250 150 550 470")},
		"strokes":       {Strokes: []picture.Stroke{stroke}},
	} {
		m, err := e.Matte(t.Context(), brightSquare(800, 600, square), hints)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		truth := make([]uint8, 800*600)
		for i := range truth {
			if image.Pt(i%800, i/800).In(square) {
				truth[i] = 255
			}
		}
		if v := imagingtest.IoU(m.Alpha, truth); v < .95 {
			t.Errorf("%s: IoU %.3f", name, v)
		}
	}
}

func TestPriorsOfOtherChannelsAreRefused(t *testing.T) {
	for _, channels := range []int{1, 3, 5, 6, 8} {
		_, err := newNetworkPrior(smallNetwork(channels, 4, 1, nil))
		want := fmt.Sprintf(
			"network input: %d channels, a prior takes 4 (blue, green, red, roi) or 7 "+
				"(the same, keep, drop, answer so far)", channels)
		if err == nil || err.Error() != want {
			t.Errorf("%d channels: %v, want %q", channels, err, want)
		}
	}
}
