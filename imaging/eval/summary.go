package eval

import "slices"

// Report is the outcome of a run.
type Report struct {
	Hints       HintConfig `json:"hints"`
	Jobs        int        `json:"jobs"`
	Asked       int        `json:"asked"`       // how many pictures were to be measured
	Interrupted bool       `json:"interrupted"` // fewer were
	Unread      int        `json:"unread"`      // how many could not be read
	Engines     []Summary  `json:"engines"`     // in the order of Config.Engines
	Pictures    []*Picture `json:"pictures"`    // in the order of the pairs
}

// Summary is how one engine did on all pictures that could be read. All figures are
// 0 where there is none.
type Summary struct {
	Engine   string `json:"engine"`
	Pictures int    `json:"pictures"`
	// how many of them ended in an error and count as an empty mask
	Failures            int     `json:"failures"`
	Mean                Metrics `json:"mean"`
	Median              Metrics `json:"median"`
	SecondsPerImage     float64 `json:"seconds_per_image"`     // median
	SecondsPerMegapixel float64 `json:"seconds_per_megapixel"` // median
	// Calibration is nil where no quality was asked for; see Reliability.
	Calibration *Calibration `json:"calibration,omitempty"`
}

func (cfg Config) report(pictures []*Picture, asked int) *Report {
	r := &Report{
		Hints: cfg.Hints, Jobs: cfg.Jobs, Asked: asked,
		Interrupted: len(pictures) < asked, Pictures: pictures,
	}
	for _, p := range pictures {
		if p.Error != "" {
			r.Unread++
		}
	}
	for i, engine := range cfg.Engines {
		r.Engines = append(r.Engines, summarize(engine.Name(), i, pictures))
	}
	return r
}

// summarize takes the i-th result of each picture.
func summarize(engine string, i int, pictures []*Picture) Summary {
	s := Summary{Engine: engine}
	var iou, pixelError, boundary, mae, perImage, perMegapixel []float64
	for _, p := range pictures {
		if p.Error != "" {
			continue
		}
		score := p.Results[i]
		s.Pictures++
		if score.Failure != "" {
			s.Failures++
		}
		iou = append(iou, score.IoU)
		pixelError = append(pixelError, score.PixelError)
		boundary = append(boundary, score.BoundaryF)
		mae = append(mae, score.MAE)
		perImage = append(perImage, score.Seconds)
		perMegapixel = append(perMegapixel, score.Seconds*1e6/float64(p.Width*p.Height))
	}
	s.Mean = Metrics{mean(iou), mean(pixelError), mean(boundary), mean(mae)}
	s.Median = Metrics{median(iou), median(pixelError), median(boundary), median(mae)}
	s.SecondsPerImage, s.SecondsPerMegapixel = median(perImage), median(perMegapixel)
	return s
}

// Calibrate fills in the Calibration of each engine whose results have a Quality.
func (r *Report) Calibrate(threshold float64) {
	for i := range r.Engines {
		var confidences, ious []float64
		for _, p := range r.Pictures {
			if p.Error == "" && p.Results[i].Quality != nil {
				confidences = append(confidences, p.Results[i].Quality.Confidence)
				ious = append(ious, p.Results[i].IoU)
			}
		}
		if len(ious) > 0 {
			r.Engines[i].Calibration = calibrate(confidences, ious, threshold)
		}
	}
}

// mean is 0 for no values.
func mean(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	sum := 0.
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// median is the mean of the two in the middle where there are two, and 0 for no values.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(v))
	return (sorted[(len(v)-1)/2] + sorted[len(v)/2]) / 2
}
