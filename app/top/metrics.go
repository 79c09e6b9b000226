package top

import (
	"fmt"
	"io"
	"math"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// metrics are those figures of a process' /metrics that top shows. The zero value is of
// one that was not seen.
type metrics struct {
	events map[string]float64 // of the queue, by event, since it is there
	gauges map[string]float64 // by name
	times  map[string]histogram
}

// histogram counts observations: cumulative ones by upper bound in seconds, the
// last of which is +Inf.
type histogram struct {
	bounds, counts []float64
}

// readMetrics reads Prometheus' text format.
func readMetrics(r io.Reader) (metrics, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(r)
	if err != nil {
		return metrics{}, fmt.Errorf("is not in the text format of Prometheus: %w", err)
	}
	m := metrics{gauges: map[string]float64{}, times: map[string]histogram{}}
	for _, sample := range families["bgremove_queue_events_total"].GetMetric() {
		for _, label := range sample.GetLabel() {
			if label.GetName() == "event" {
				if m.events == nil {
					m.events = map[string]float64{}
				}
				m.events[label.GetValue()] = sample.GetCounter().GetValue()
			}
		}
	}
	for _, name := range topGauges {
		for _, sample := range families[name].GetMetric() {
			m.gauges[name] += sample.GetGauge().GetValue()
		}
	}
	for _, row := range topTimes {
		for _, sample := range families[row.metric].GetMetric() {
			m.times[row.metric] = m.times[row.metric].plus(histogramOf(sample.GetHistogram()))
		}
	}
	return m, nil
}

func histogramOf(h *dto.Histogram) (out histogram) {
	for _, b := range h.GetBucket() {
		out.bounds = append(out.bounds, b.GetUpperBound())
		out.counts = append(out.counts, float64(b.GetCumulativeCount()))
	}
	if n := len(out.bounds); n == 0 || !math.IsInf(out.bounds[n-1], 1) {
		out.bounds, out.counts = append(out.bounds, math.Inf(1)), append(out.counts,
			float64(h.GetSampleCount()))
	}
	return out
}

// since is what a process has observed after an earlier look at it: nothing if that has not seen
// it, or if it was started anew meanwhile.
func (m metrics) since(earlier metrics, name string) histogram {
	h, before := m.times[name], earlier.times[name]
	if earlier.gauges == nil {
		return histogram{}
	}
	if len(before.bounds) == 0 {
		return h // the first of that name
	}
	if !slices.Equal(h.bounds, before.bounds) {
		return histogram{}
	}
	news := histogram{bounds: h.bounds, counts: slices.Clone(h.counts)}
	for i, n := range before.counts {
		if news.counts[i] -= n; news.counts[i] < 0 {
			return histogram{}
		}
	}
	return news
}

// plus is h and other; of other bounds, as of another version, it is h.
func (h histogram) plus(other histogram) histogram {
	if len(h.bounds) == 0 {
		return other
	}
	if !slices.Equal(h.bounds, other.bounds) {
		return h
	}
	sum := histogram{bounds: h.bounds, counts: slices.Clone(h.counts)}
	for i, n := range other.counts {
		sum.counts[i] += n
	}
	return sum
}

// count is how many observations there are.
func (h histogram) count() float64 {
	if len(h.counts) == 0 {
		return 0
	}
	return h.counts[len(h.counts)-1]
}

// quantile is estimated as Prometheus' histogram_quantile does: evenly spread within a bucket, and
// the highest bound for what lies above it. Without observations it is not a number.
func (h histogram) quantile(q float64) float64 {
	rank := q * h.count()
	if !(rank > 0) {
		return math.NaN()
	}
	i := slices.IndexFunc(h.counts, func(n float64) bool { return n >= rank })
	if i == len(h.bounds)-1 {
		return h.bounds[max(0, i-1)]
	}
	low, before := 0., 0.
	if i > 0 {
		low, before = h.bounds[i-1], h.counts[i-1]
	}
	return low + (h.bounds[i]-low)*(rank-before)/(h.counts[i]-before)
}

// perSecond is how often events happened between two looks; nil where that is not known, as after a
// restart. All processes tell of the same queue: it is as the first one says that both have seen.
func perSecond(from, to sample) map[string]float64 {
	span := to.at.Sub(from.at).Seconds()
	for i, m := range to.metrics {
		before := from.metrics[i].events
		if span <= 0 || m.events == nil || before == nil {
			continue
		}
		out := map[string]float64{}
		for name, n := range m.events {
			if out[name] = (n - before[name]) / span; out[name] < 0 {
				return nil
			}
		}
		return out
	}
	return nil
}
