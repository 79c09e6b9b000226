package fast

import (
	_ "embed"
	"fmt"
	"image"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"bgremove/imaging/net"
	"bgremove/imaging/picture"
)

// prior estimates where the foreground is before any cut.
type prior interface {
	// LogOdds returns the log-odds of foreground over the picture of v, in one channel of any size.
	LogOdds(v view) picture.Grid
}

// view is what a prior is asked about: a reduced picture and what the caller knows of it.
type view struct {
	k     picture.Reduced
	inner image.Rectangle // the caller's roi
	roi   bool            // there is one
	marks []uint8         // h×w of Keep, Drop or Unknown; nil for none

	mirrored bool // look at the mirror image; the answer is turned back
}

// The network that is shipped; network/README.md describes it.
//
//go:embed network/net.json
var netDescription []byte

//go:embed network/net.f16
var netWeights []byte

// ReadPrior reads NET.json and, beside it, NET.f16.
func ReadPrior(name string) (description, weights []byte, err error) {
	const maxDescription, maxWeights = 1 << 20, 64 << 20 // bytes
	stem, ok := strings.CutSuffix(name, ".json")
	if !ok {
		return nil, nil, fmt.Errorf("prior: the description's name must end in .json, is %q", name)
	}
	if description, err = readAtMost(name, maxDescription); err != nil {
		return nil, nil, fmt.Errorf("prior: %w", err)
	}
	if weights, err = readAtMost(stem+".f16", maxWeights); err != nil {
		return nil, nil, fmt.Errorf("prior: %w", err)
	}
	return description, weights, nil
}

func readAtMost(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s has more than the limit of %d bytes", name, limit)
	}
	return data, nil
}

// How many channels a network's input may have: colours and roi alone, or all
// of the channels below.
const (
	channelsRoi   = 4
	channelsHints = 7
)

// Channels of a network's input behind the three colours. The one of the answer so far, −1 to 1,
// stays 0: there is none.
const (
	roiChannel = 3 + iota
	keepChannel
	dropChannel
)

// networkPrior asks a convolutional network.
type networkPrior struct {
	net     *net.Net
	runners spares[net.Runner]
}

func newNetworkPrior(description, weights []byte) (*networkPrior, error) {
	n, err := net.Read(description, weights)
	if err != nil {
		return nil, err
	}
	if c, _, _ := n.InputSize(); c != channelsRoi && c != channelsHints {
		return nil, fmt.Errorf(
			"network input: %d channels, a prior takes %d (blue, green, red, roi) or %d "+
				"(the same, keep, drop, answer so far)", c, channelsRoi, channelsHints)
	}
	return &networkPrior{net: n, runners: newSpares(runtime.GOMAXPROCS(0), n.NewRunner)}, nil
}

// LogOdds squeezes the picture to the network's input, whatever its aspect.
func (p *networkPrior) LogOdds(v view) picture.Grid {
	runner := p.runners.get()
	defer p.runners.put(runner)
	h, w := p.net.OutputSize()
	odds := slices.Clone(runner.Run(p.input(v)))
	if v.mirrored {
		mirror(odds, w)
	}
	return picture.Grid{w, h, 1, odds}
}

// input returns what the network is shown, channel by channel.
func (p *networkPrior) input(v view) []float32 {
	channels, h, w := p.net.InputSize()
	input := make([]float32, channels*h*w)
	squeezed := v.k.Resample(w, h)
	for i := range h * w {
		for c := range 3 { // BGR, centred
			input[c*h*w+i] = (squeezed.V[3*i+2-c] - 118) / 64
		}
	}
	plane := func(c int) []float32 { return input[c*h*w:][:h*w] }
	if v.roi {
		fillRect(plane(roiChannel), w, picture.ScaleRect(v.inner, image.Pt(v.k.Width, v.k.Height),
			picture.Reduced{Width: w, Height: h}))
	}
	if channels == channelsHints {
		fillMarks(plane(keepChannel), w, v, picture.Keep)
		fillMarks(plane(dropChannel), w, v, picture.Drop)
	}
	if v.mirrored {
		mirror(input, w)
	}
	return input
}

// fillRect sets what lies in a rectangle of a plane to 1.
func fillRect(plane []float32, width int, r image.Rectangle) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			plane[y*width+x] = 1
		}
	}
}

// fillMarks sets to 1 where a plane shows marks of the given value: a pixel at least for each, and
// no gaps where the plane is larger than the picture.
func fillMarks(plane []float32, width int, v view, value uint8) {
	height := len(plane) / width
	stretch := func(at, from, to int) (first, end int) {
		first = at * to / from
		return first, max((at+1)*to/from, first+1)
	}
	for i, m := range v.marks {
		if m == value {
			left, right := stretch(i%v.k.Width, v.k.Width, width)
			top, bottom := stretch(i/v.k.Width, v.k.Height, height)
			fillRect(plane, width, image.Rect(left, top, right, bottom))
		}
	}
}

// mirror turns each row of a plane around, in place.
func mirror(v []float32, width int) {
	for row := range slices.Chunk(v, width) {
		slices.Reverse(row)
	}
}
