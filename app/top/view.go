package top

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"bgremove/app/connect"
	"bgremove/app/jobs"
	"bgremove/client"
	"bgremove/terminal"
)

// window is the time that rates and latencies are of.
const window = 30 * time.Second

// within30s drops samples that are older than the window.
func within30s(past []sample) []sample {
	last := past[len(past)-1].at
	for len(past) > 2 && last.Sub(past[0].at) > window {
		past = past[1:]
	}
	return past
}

var topGauges = []string{
	"bgremove_predict_slots", "bgremove_predict_slots_in_use", "bgremove_predict_waiting",
	"bgremove_batch_workers", "bgremove_batch_running",
}

var topTimes = []struct{ name, metric string }{
	{"wait in the queue", "bgremove_batch_queue_wait_seconds"},
	{"whole job", "bgremove_batch_job_seconds"},
	{"wait for a slot", "bgremove_predict_wait_seconds"},
	{"cut-out", "bgremove_predict_duration_seconds"},
}

// figures are what top shows; without metrics only those of the queue and its jobs.
type figures struct {
	Server    string             `json:"server"`
	At        time.Time          `json:"at"`
	Window    float64            `json:"window_s"` // seconds that rates and latencies are of
	Queue     client.Queue       `json:"queue"`
	Rates     map[string]float64 `json:"events_per_s,omitempty"`
	Gauges    map[string]float64 `json:"gauges,omitempty"`
	Latencies []latency          `json:"latencies,omitempty"`
	Running   []json.RawMessage  `json:"running"`
	Notes     []string           `json:"notes,omitempty"`
	running   []client.Job
	fault     error // why they are not newer
}

type latency struct {
	Name  string  `json:"name"`
	Count float64 `json:"count"`
	P50   float64 `json:"p50_s"`
	P95   float64 `json:"p95_s"`
	Since bool    `json:"since_start"` // nothing in the window: of all since the process began
}

// figuresOf compares the newest look with the oldest.
func figuresOf(address string, past []sample) figures {
	from, to := past[0], past[len(past)-1]
	f := figures{
		Server: address, At: to.at, Window: to.at.Sub(from.at).Seconds(),
		Queue: to.queue, Rates: perSecond(from, to),
		Gauges: map[string]float64{}, Running: []json.RawMessage{}, Notes: to.notes,
		running: to.running,
	}
	for _, j := range to.running {
		f.Running = append(f.Running, j.JSON())
	}
	for _, m := range to.metrics {
		for name, v := range m.gauges {
			f.Gauges[name] += v
		}
	}
	if len(to.metrics) == 1 && f.Gauges["bgremove_batch_workers"] == 0 {
		f.Notes = append(slices.Clone(f.Notes), "no figures of workers: where they are processes "+
			"of their own, name them, as in --metrics http://batch:5002")
	}
	for _, row := range topTimes {
		var h, all histogram
		for i, m := range to.metrics {
			h = h.plus(m.since(from.metrics[i], row.metric))
			all = all.plus(m.times[row.metric])
		}
		since := h.count() == 0
		if since {
			h = all
		}
		if h.count() > 0 {
			f.Latencies = append(f.Latencies,
				latency{row.name, h.count(), h.quantile(.5), h.quantile(.95), since})
		}
	}
	return f
}

// line is one of the screen.
type line struct {
	text         string
	heading, bad bool
}

// view is the figures as text.
func view(f figures) []line {
	lines := []line{{
		text:    fmt.Sprintf("bgremove %s   %s", f.Server, f.At.Local().Format("15:04:05")),
		heading: true,
	}}
	if f.At.IsZero() {
		lines[0].text = "bgremove " + f.Server + "   waiting for the first answer"
	}
	if f.fault != nil {
		lines = append(lines, line{
			text: terminal.Printable("no newer figures: " + connect.Cause(f.fault).Error()),
			bad:  true,
		})
	}
	if f.At.IsZero() {
		return lines
	}
	q := f.Queue
	lines = append(lines,
		line{},
		line{text: fmt.Sprintf(
			"queued    interactive %d   normal %d   bulk %d   of %d that may wait",
			q.Queued["interactive"], q.Queued["normal"],
			q.Queued["bulk"], q.MaxDepth)},
		line{text: fmt.Sprintf("          behind %d   retrying %d   the next waits for %s",
			q.Behind, q.Retrying, terminal.Time(seconds(q.OldestAge)))},
		line{text: fmt.Sprintf("jobs      running %d   ended %.1f/s", q.Running, q.Rate)},
		line{text: fmt.Sprintf("dead      %d", q.Dead), bad: q.Dead > 0},
	)
	lines = append(lines, viewMetrics(f)...)
	lines = append(lines, viewRunning(f)...)
	if len(f.Notes) > 0 {
		lines = append(lines, line{})
	}
	for _, note := range f.Notes {
		lines = append(lines, line{text: terminal.Printable(note), bad: true})
	}
	return lines
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func viewMetrics(f figures) (lines []line) {
	if r := f.Rates; r != nil {
		lines = append(lines, line{text: fmt.Sprintf("rates     enqueued %.1f/s   done %.1f/s   "+
			"failed %.1f/s   rejected %.1f/s   over %.0f s",
			r["enqueued"], r["succeeded"], r["failed"]+r["expired"], r["rejected"], max(1,
				math.Round(f.Window))), bad: r["failed"]+r["expired"]+r["rejected"] > 0})
	}
	if total, ok := f.Gauges["bgremove_batch_workers"]; ok && total > 0 {
		lines = append(lines, line{text: fmt.Sprintf("workers   %.0f of %.0f busy",
			f.Gauges["bgremove_batch_running"], total)})
	}
	if total, ok := f.Gauges["bgremove_predict_slots"]; ok && total > 0 {
		lines = append(lines,
			line{text: fmt.Sprintf("slots     %.0f of %.0f in use, %.0f wait for one",
				f.Gauges["bgremove_predict_slots_in_use"], total,
				f.Gauges["bgremove_predict_waiting"])})
	}
	if len(f.Latencies) == 0 {
		return lines
	}
	rows := [][]string{{"LATENCY", "P50", "P95", "OF", ""}}
	for _, l := range f.Latencies {
		note := ""
		if l.Since {
			note = "since the start"
		}
		rows = append(rows, []string{
			l.Name, terminal.Time(seconds(l.P50)),
			terminal.Time(seconds(l.P95)), fmt.Sprintf("%.0f", l.Count), note,
		})
	}
	return append(append(lines, line{}), tableLines(rows)...)
}

func viewRunning(f figures) []line {
	if len(f.running) == 0 {
		return nil
	}
	rows := [][]string{{"RUNNING", "FOR", "AGE", "PRIORITY", "SIZE", "ATTEMPT", "WORKER"}}
	for _, j := range f.running {
		worker := ""
		for _, e := range j.Timeline {
			if e.Worker != "" {
				worker = e.Worker
			}
		}
		rows = append(rows, []string{
			j.ID, jobs.Took(j, f.At), terminal.Time(f.At.Sub(j.CreatedAt)), j.Priority,
			jobs.Size(j), fmt.Sprintf("%d of %d", j.Attempt, j.MaxAttempts), worker,
		})
	}
	lines := append([]line{{}}, tableLines(rows)...)
	if more := f.Queue.Running - len(f.running); more > 0 {
		lines = append(lines, line{text: fmt.Sprintf("and %d more", more)})
	}
	return lines
}

// tableLines aligns rows, the first of which is a heading. What a server says may be in them.
func tableLines(rows [][]string) (lines []line) {
	for i, text := range terminal.Columns(rows) {
		lines = append(lines, line{text: text, heading: i == 0})
	}
	return lines
}
