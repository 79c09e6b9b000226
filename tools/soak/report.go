package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// write prints the summary, as Markdown.
func (r report) write(out io.Writer) {
	c, o := r.counts, r.options
	fmt.Fprintf(out, `
## Soak: mode %s, %.3g minutes, a fault every %v

| | |
|---|---|
| capacity | %.1f jobs/s |
| offered | %.1f jobs/s (%.3g × capacity) |
| load generator | %.2f cores |
| seed | %d |
| jobs accepted | %d |
| succeeded | %d |
| lost | %d |
| wrong image | %d |
| unknown | %d |
| requests refused | %d |
| arrivals given up | %d |
| arrivals not offered | %d |
| unexpected answers | %d |
| bad ends of processes | %d |
`, o.mode, o.minutes, o.every, r.capacity, o.load*r.capacity, o.load, r.ownCPU, o.seed, c.Accepted,
		c.Succeeded, r.lost(), c.Wrong,
		c.Unknown, c.Refused, c.GivenUp, c.Unoffered, c.Unexpected, r.badEnds)
	fmt.Fprint(out, "\n| fault | times |\n|---|---|\n")
	for _, k := range faultKinds() {
		if n := r.faults[k.name]; n > 0 {
			fmt.Fprintf(out, "| %s | %d |\n", k.name, n)
		}
	}
	fmt.Fprint(out, "\n| latency | jobs | p50, ms | p99, ms |\n|---|---|---|---|\n")
	for _, row := range []struct {
		name string
		latency
	}{{"baseline", r.baseline}, {"during the faults", r.during}, {"after", r.after}} {
		fmt.Fprintf(out, "| %s | %d | %d | %d |\n", row.name, row.jobs, row.p50.Milliseconds(),
			row.p99.Milliseconds())
	}
	r.writeNormal(out)
	r.writeGrowths(out)
	r.writeVerdict(out)
}

func (r report) writeNormal(out io.Writer) {
	if !r.isNormal {
		fmt.Fprintf(out,
			"\nAfter the last fault p99 did not come back under %d × the baseline.\n", normalFactor)
		return
	}
	fmt.Fprintf(out, "\nAfter the last fault p99 was back under %d × the baseline in %v.\n",
		normalFactor, r.normal.Round(100*time.Millisecond))
}

func (r report) writeGrowths(out io.Writer) {
	fmt.Fprint(out, "\n| | first quarter | last quarter | medians of | a minute | |\n"+
		"|---|---|---|---|---|---|\n")
	for _, g := range r.growths {
		fmt.Fprintf(out, "| %s | %.1f | %.1f | %d and %d | %+.2f | %s |\n",
			strings.TrimSuffix(g.what+", "+g.unitName, ", "), g.first/g.unit,
			g.last/g.unit, g.nFirst, g.nLast, g.slope/g.unit, g.verdict())
	}
}

func (r report) writeVerdict(out io.Writer) {
	problems := r.problems()
	if len(problems) == 0 {
		fmt.Fprint(out, "\nVerdict: nothing is wrong.\n")
		return
	}
	fmt.Fprint(out, "\nVerdict:\n\n")
	for _, p := range problems {
		fmt.Fprintf(out, "- %s\n", p)
	}
}
