package eval

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// nameWidth is that of the longest name of a row: the writer would align names to the
// right, as it does figures.
const nameWidth = len("wrong pixels %, median")

// tableRow is a figure of an engine in the table.
type tableRow struct {
	name   string
	format string // of the figure; its difference has a sign besides
	of     func(s Summary) float64
}

func tableRows() []tableRow {
	const share, percent, ms = ".3f", ".2f", ".1f"
	return []tableRow{
		{"IoU, mean", share, func(s Summary) float64 { return s.Mean.IoU }},
		{"IoU, median", share, func(s Summary) float64 { return s.Median.IoU }},
		{"wrong pixels %, mean", percent, func(s Summary) float64 {
			return 100 * s.Mean.PixelError
		}},
		{"wrong pixels %, median", percent, func(s Summary) float64 {
			return 100 * s.Median.PixelError
		}},
		{"boundary F, mean", share, func(s Summary) float64 { return s.Mean.BoundaryF }},
		{"boundary F, median", share, func(s Summary) float64 { return s.Median.BoundaryF }},
		{"alpha MAE, mean", share, func(s Summary) float64 { return s.Mean.MAE }},
		{"alpha MAE, median", share, func(s Summary) float64 { return s.Median.MAE }},
		{"ms an image, median", ms, func(s Summary) float64 { return 1000 * s.SecondsPerImage }},
		{"ms a megapixel, median", ms, func(s Summary) float64 {
			return 1000 * s.SecondsPerMegapixel
		}},
	}
}

// WriteJSON writes everything, picture by picture.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// WriteTable writes the table, the reliability where it was asked for, and the failures that count
// as empty masks.
func (r *Report) WriteTable(w io.Writer, reliability bool) error {
	var out bytes.Buffer
	printSummaries(&out, r.Engines)
	if reliability {
		for _, s := range r.Engines {
			printCalibration(&out, s)
		}
	}
	printFailures(&out, r.Pictures)
	_, err := w.Write(out.Bytes())
	return err
}

// printSummaries has the engines side by side, and the difference of each from the first.
func printSummaries(out *bytes.Buffer, engines []Summary) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	first := engines[0]
	line := func(name string, cell, difference func(s Summary) string) {
		fmt.Fprintf(w, "%-*s\t", nameWidth, name)
		for _, s := range engines {
			fmt.Fprintf(w, "%s\t", cell(s))
		}
		for _, s := range engines[1:] {
			fmt.Fprintf(w, "%s\t", difference(s))
		}
		fmt.Fprintln(w)
	}
	nothing := func(Summary) string { return "" }
	line("", func(s Summary) string { return s.Engine },
		func(s Summary) string { return s.Engine + " − " + first.Engine })
	line("pictures", func(s Summary) string { return fmt.Sprint(s.Pictures) }, nothing)
	line("failures", func(s Summary) string { return fmt.Sprint(s.Failures) }, nothing)
	for _, row := range tableRows() {
		line(row.name,
			func(s Summary) string { return fmt.Sprintf("%"+row.format, row.of(s)) },
			func(s Summary) string { return fmt.Sprintf("%+"+row.format, row.of(s)-row.of(first)) })
	}
	w.Flush() // to memory
}

func printCalibration(out *bytes.Buffer, s Summary) {
	c := s.Calibration
	if c == nil {
		fmt.Fprintf(out, "\nReliability of %s: no result has a confidence.\n", s.Engine)
		return
	}
	fmt.Fprintf(out, "\nReliability of %s (good: IoU ≥ %v)\n", s.Engine, c.Threshold)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "confidence\tpictures\tmean confidence\tgood\t")
	for i, b := range c.Bins {
		bounds := fmt.Sprintf("%.1f–%.1f",
			float64(i)/float64(len(c.Bins)), float64(i+1)/float64(len(c.Bins)))
		if b.N == 0 {
			fmt.Fprintf(w, "%s\t0\t\t\t\n", bounds)
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%.3f\t%.3f\t\n", bounds, b.N, b.Confidence, b.Good)
	}
	w.Flush() // to memory
	fmt.Fprintf(out, "expected calibration error %.3f, ", c.ECE)
	if c.AUROC == nil {
		fmt.Fprintln(out, "AUROC undefined: all results are good, or none is")
		return
	}
	fmt.Fprintf(out, "AUROC %.3f\n", *c.AUROC)
}

func printFailures(out *bytes.Buffer, pictures []*Picture) {
	head := "\nFailures, counted as empty masks:\n"
	for _, p := range pictures {
		for _, s := range p.Results {
			if s.Failure != "" {
				fmt.Fprintf(out, "%s  %s: %s: %s\n", head, p.Name, s.Engine, s.Failure)
				head = ""
			}
		}
	}
}
