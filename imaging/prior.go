package imaging

import (
	_ "embed"
	"fmt"
	"image"
	"slices"
	"sync"

	"bgremove/imaging/net"
)

// Prior estimates where the foreground is before any cut.
type Prior interface {
	// LogOdds returns the log-odds of foreground over the picture k, in one channel of any size. inner is the caller's roi; given
	// says that there is one.
	LogOdds(k working, inner image.Rectangle, given bool) grid
}

// The network that is shipped; prior/README.md describes it.
//
//go:embed prior/net.json
var netDescription []byte

//go:embed prior/net.f16
var netWeights []byte

// networkPrior asks a convolutional network.
type networkPrior struct {
	net     *net.Net
	runners sync.Pool // of *net.Runner
}

func newNetworkPrior(description, weights []byte) (*networkPrior, error) {
	n, err := net.Read(description, weights)
	if err != nil {
		return nil, err
	}
	if c, _, _ := n.InputSize(); c != 4 {
		return nil, fmt.Errorf("network input: %d channels, a prior takes 4 (blue, green, red, roi)", c)
	}
	p := &networkPrior{net: n}
	p.runners.New = func() any { return n.NewRunner() }
	return p, nil
}

// LogOdds squeezes the picture to the network's input, whatever its aspect. It is the mean of what the network says of the
// picture and of its mirror image, which is right more often than either.
func (p *networkPrior) LogOdds(k working, inner image.Rectangle, given bool) grid {
	_, h, w := p.net.InputSize()
	input := make([]float32, 4*h*w)
	squeezed := k.grid().resample(w, h)
	for i := range h * w {
		for c := range 3 { // BGR, centred
			input[c*h*w+i] = (squeezed.v[3*i+2-c] - 118) / 64
		}
	}
	if given {
		roi := scaleRect(inner, image.Pt(k.width, k.height), working{width: w, height: h})
		for y := roi.Min.Y; y < roi.Max.Y; y++ {
			for x := roi.Min.X; x < roi.Max.X; x++ {
				input[3*h*w+y*w+x] = 1
			}
		}
	}
	runner, _ := p.runners.Get().(*net.Runner)
	defer p.runners.Put(runner)
	oh, ow := p.net.OutputSize()
	odds := slices.Clone(runner.Run(input))
	mirror(input, w)
	for i, v := range mirror(runner.Run(input), ow) {
		odds[i] = (odds[i] + v) / 2
	}
	return grid{ow, oh, 1, odds}
}

// mirror turns each row of a plane around, in place.
func mirror(v []float32, width int) []float32 {
	for row := range slices.Chunk(v, width) {
		slices.Reverse(row)
	}
	return v
}
