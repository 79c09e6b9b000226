package bench

import (
	"fmt"
	"io"
	"text/tabwriter"

	"bgremove/terminal"
)

// Print writes tables, and the recommended settings as YAML.
func (r *Report) Print(w io.Writer) error {
	fmt.Fprintf(w, "%s, median %.2f megapixels, largest %.2f; engine %s; GOMAXPROCS %d\n\n",
		terminal.Count(r.Photos, "photo"), r.Megapixels, r.MegapixelsMost, r.Engine, r.Cores)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "stage\tmedian ms\t")
	for _, s := range r.Stages {
		fmt.Fprintf(table, "%s\t%.1f\t\n", s.Name, s.Median)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\none at a time, with all cores: p50 %.1f ms, p99 %.1f ms\n\n",
		r.LatencyP50, r.LatencyP99)
	fmt.Fprintln(table, "workers\tpictures\tpictures/s\tp50 ms\tp99 ms\tpeak MiB\t")
	for _, l := range r.Levels {
		mark := ""
		if l.Workers == r.Recommended.Slots {
			mark = "  <- recommended"
		}
		fmt.Fprintf(table, "%d\t%d\t%.2f\t%.1f\t%.1f\t%d\t%s\n", l.Workers, l.Pictures,
			l.Throughput, l.P50, l.P99, l.PeakMiB, mark)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	rec := r.Recommended
	if rec.Rough {
		fmt.Fprintf(w, "\nThe recommendation is rough: some numbers of workers had fewer than %d "+
			"pictures for each worker. Give --for more.\n", enoughEach)
	}
	_, err := fmt.Fprintf(w, `
Expect %.1f pictures a second with such photos. Give the process %d MiB of memory: the peak and a quarter more. With the largest
photo (%.2f megapixels) in every slot the peak is %d MiB; larger pictures and other formats take more (docs/operations.md).
serve all needs http.upload_mib on top.

predict:
  slots: %d
batch:
  workers: %d
`, rec.Throughput, rec.MemoryMiB, r.MegapixelsMost, r.PeakLargest, rec.Slots, rec.Workers)
	return err
}
