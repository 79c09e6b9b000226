package eval

import (
	"cmp"
	"math"
	"slices"
)

const reliabilityBins = 10

// Bin is the pictures whose confidence lies in one tenth of 0..1.
type Bin struct {
	N          int     `json:"n"`
	Confidence float64 `json:"confidence"` // mean; 0 where N is 0
	// share with an IoU at or above the threshold; 0 where N is 0
	Good float64 `json:"good"`
}

// Calibration is how far confidences can be believed.
type Calibration struct {
	Threshold float64  `json:"threshold"` // the IoU from which a result is good
	Bins      []Bin    `json:"bins"`
	ECE       float64  `json:"ece"`   // expected calibration error, 0..1
	AUROC     *float64 `json:"auroc"` // see AUROC; null where all results are good or none is
}

func calibrate(confidences, ious []float64, threshold float64) *Calibration {
	c := &Calibration{Threshold: threshold, Bins: Reliability(confidences, ious, threshold)}
	c.ECE = CalibrationError(c.Bins)
	if area, ok := AUROC(confidences, ious, threshold); ok {
		c.AUROC = &area
	}
	return c
}

// Reliability sorts pictures into ten bins of confidence, 0..1; 1 itself is in the last one. Both
// slices have one value for each picture.
func Reliability(confidences, ious []float64, threshold float64) []Bin {
	bins := make([]Bin, reliabilityBins)
	for i, c := range confidences {
		b := &bins[min(max(int(c*reliabilityBins), 0), reliabilityBins-1)]
		b.N++
		b.Confidence += c
		if ious[i] >= threshold {
			b.Good++
		}
	}
	for i := range bins {
		n := float64(max(bins[i].N, 1))
		bins[i].Confidence /= n
		bins[i].Good /= n
	}
	return bins
}

// CalibrationError is the expected calibration error (Naeini et al., AAAI 2015): the mean
// distance of confidence and share of good results over the bins, weighted by their pictures.
// It is 0 for no pictures.
func CalibrationError(bins []Bin) float64 {
	sum, n := 0., 0
	for _, b := range bins {
		sum += float64(b.N) * math.Abs(b.Confidence-b.Good)
		n += b.N
	}
	return sum / float64(max(n, 1))
}

// AUROC is the area under the receiver operating characteristic: how likely a good picture, with an
// IoU at or above the threshold, has the higher confidence of it and one that is not; a tie counts
// half. ok is false where there is no such pair.
func AUROC(confidences, ious []float64, threshold float64) (area float64, ok bool) {
	order := make([]int, len(confidences))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order,
		func(a, b int) int { return cmp.Compare(confidences[a], confidences[b]) })
	good, bad := 0., 0.
	for from := 0; from < len(order); {
		tiedGood, tiedBad, to := 0., 0., from
		for ; to < len(order) &&
			cmp.Compare(confidences[order[to]], confidences[order[from]]) == 0; to++ {
			if ious[order[to]] >= threshold {
				tiedGood++
			} else {
				tiedBad++
			}
		}
		area += tiedGood * (bad + tiedBad/2)
		good, bad, from = good+tiedGood, bad+tiedBad, to
	}
	if good == 0 || bad == 0 {
		return 0, false
	}
	return area / (good * bad), true
}
