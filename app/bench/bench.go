// Package bench measures this machine on photos, and recommends settings for it.
package bench

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"bgremove/app"
	"bgremove/files"
	"bgremove/imaging"
	"bgremove/imaging/option"
	"bgremove/terminal"
)

const (
	nearBest    = 0.97 // of the best throughput is as good
	aloneShare  = 4    // the part of the time for one at a time: one of so many
	memoryRound = 64   // MiB
	rounds      = 2    // through all numbers of workers: other work on the machine comes and goes
	// pictures a worker cuts out, at least, for a difference of 3 % to mean something
	enoughEach = 20
)

// FewestPhotos must be cut out for figures to mean something.
const FewestPhotos = 3

// Bench measures a Remover.
type Bench struct {
	Remover *imaging.Remover
	Options option.Options
	Paths   []string      // of the photos
	Most    int           // of them that are measured
	Limit   time.Duration // of all measurements together
	Notes   io.Writer     // names what was left out
	Watched bool          // somebody looks at the notes, and is told how far it is
}

// Report is what was measured. Times are in ms, memory in MiB.
type Report struct {
	Photos         int         `json:"photos"`
	Megapixels     float64     `json:"megapixels_median"`
	MegapixelsMost float64     `json:"megapixels_largest"`
	Engine         string      `json:"engine"`
	Cores          int         `json:"gomaxprocs"`
	Stages         []stageTime `json:"stages"`
	LatencyP50     float64     `json:"latency_p50_ms"` // one at a time, with all cores
	LatencyP99     float64     `json:"latency_p99_ms"`
	Levels         []level     `json:"levels"`
	// with the largest photo in each of the recommended slots
	PeakLargest int64          `json:"peak_rss_largest_mib"`
	Recommended recommendation `json:"recommended"`
}

type stageTime struct {
	Name   string  `json:"name"`
	Median float64 `json:"median_ms"` // of the photos that have the stage
}

// level is a run with so many pictures at a time.
type level struct {
	Workers    int     `json:"workers"`
	Pictures   int     `json:"pictures"`
	Throughput float64 `json:"pictures_per_second"` // of whole rounds through the photos
	P50        float64 `json:"p50_ms"`
	P99        float64 `json:"p99_ms"`
	PeakMiB    int64   `json:"peak_rss_mib"`
}

type recommendation struct {
	Slots      int     `json:"predict_slots"`
	Workers    int     `json:"batch_workers"`
	Throughput float64 `json:"pictures_per_second"`
	MemoryMiB  int64   `json:"memory_mib"`
	// too few pictures were cut out to tell the numbers of workers apart
	Rough bool `json:"rough"`
}

// photo is one that could be cut out.
type photo struct {
	path       string
	megapixels float64
	took       time.Duration // with all cores
}

// Run measures one at a time first: what that takes says how much fits in the rest of the time.
func (b *Bench) Run(ctx context.Context) (*Report, error) {
	begin := time.Now()
	r := &Report{Cores: runtime.GOMAXPROCS(0)}
	b.noteLoad()
	b.tell("%s, one at a time", terminal.Count(min(len(b.Paths), b.Most), "photo"))
	photos, err := b.alone(ctx, r)
	if err != nil {
		return nil, err
	}
	levels := workerCounts(r.Cores)
	// one for the largest photo
	share := (b.Limit - time.Since(begin)) / time.Duration(rounds*len(levels)+1)
	for i := range rounds * len(levels) {
		workers := levels[i%len(levels)]
		if i > 0 && time.Since(begin) > b.Limit {
			if i < len(levels) {
				fmt.Fprintf(b.Notes, "out of time before more than %s could be tried: give --for "+
					"more, or --n less\n", terminal.Count(levels[i-1], "worker"))
			}
			break
		}
		b.tell("%s, level %d of %d", terminal.Count(workers, "worker"), i+1, rounds*len(levels))
		l, err := b.level(ctx, photos, workers, share)
		if err != nil {
			return nil, err
		}
		r.add(l)
	}
	r.recommend()
	largest := slices.MaxFunc(photos,
		func(a, b photo) int { return cmp.Compare(a.megapixels, b.megapixels) })
	b.tell("the largest photo in %s", terminal.Count(r.Recommended.Slots, "slot"))
	worst, err := b.level(ctx, []photo{largest}, r.Recommended.Slots, share)
	if err != nil {
		return nil, err
	}
	r.size(worst.PeakMiB)
	return r, nil
}

// noteLoad tells of work besides ours, which makes the figures worse than they are.
func (b *Bench) noteLoad() {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return
	}
	cores := runtime.NumCPU()
	if load := float64(info.Loads[0]) / (1 << 16); load > float64(cores)/2 {
		fmt.Fprintf(b.Notes, "this machine is busy (load average %.1f on %s): "+
			"the figures are lower than what it can do\n", load, terminal.Count(cores, "core"))
	}
}

// tell says what is measured now.
func (b *Bench) tell(format string, args ...any) {
	if b.Watched {
		fmt.Fprintf(b.Notes, "measuring: "+format+"\n", args...)
	}
}

// add keeps the better of the runs with as many workers: what made the other
// slower was not the workers.
func (r *Report) add(l level) {
	for i, before := range r.Levels {
		if before.Workers != l.Workers {
			continue
		}
		peak := max(before.PeakMiB, l.PeakMiB)
		if l.Throughput > before.Throughput {
			r.Levels[i] = l
		}
		r.Levels[i].PeakMiB = peak
		return
	}
	r.Levels = append(r.Levels, l)
}

// workerCounts are 1, 2, 3, 4, then half as many again each time, with the cores themselves and
// half as many again as the last two.
func workerCounts(cores int) (counts []int) {
	for n := 1; n < cores; n = max(n+1, n*3/2) {
		counts = append(counts, n)
	}
	counts = append(counts, cores)
	if more := (cores*3 + 1) / 2; more > cores {
		counts = append(counts, more)
	}
	return counts
}

// spread takes n of the paths, evenly.
func spread(paths []string, n int) []string {
	if len(paths) <= n {
		return paths
	}
	some := make([]string, n)
	for i := range some {
		some[i] = paths[i*len(paths)/n]
	}
	return some
}

// alone cuts out photos one at a time, until its share of the time is over, though three at least.
func (b *Bench) alone(ctx context.Context, r *Report) (photos []photo, err error) {
	stages, order := map[string][]float64{}, []string{}
	deadline := time.Now().Add(b.Limit / aloneShare)
	paths := spread(b.Paths, b.Most)
	for i, path := range paths {
		if len(photos) >= FewestPhotos && time.Now().After(deadline) {
			fmt.Fprintf(b.Notes, "out of time after %d of %d photos, and the others may be "+
				"larger: give --for more, or --n less\n", i, len(paths))
			break
		}
		result, took, err := b.cut(ctx, path)
		if len(photos) == 0 && err == nil { // the first has the network and the caches set up
			result, took, err = b.cut(ctx, path)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			fmt.Fprintf(b.Notes, "left out: %s\n",
				terminal.Printable(fmt.Sprintf("%s: %v", path, err)))
			continue
		}
		r.Engine = result.Engine
		photos = append(photos,
			photo{path, float64(result.Input.Width) * float64(result.Input.Height) / 1e6, took})
		for _, s := range result.Stages {
			if stages[s.Name] == nil {
				order = append(order, s.Name)
			}
			stages[s.Name] = append(stages[s.Name], inMS(s.Took))
		}
	}
	if len(photos) < FewestPhotos {
		return nil, fmt.Errorf("%s could be cut out, at least %d are needed",
			terminal.Count(len(photos), "photo"), FewestPhotos)
	}
	for _, name := range order {
		r.Stages = append(r.Stages, stageTime{name, quantile(stages[name], .5)})
	}
	r.describe(photos)
	return photos, nil
}

func (r *Report) describe(photos []photo) {
	var sizes, times []float64
	for _, p := range photos {
		sizes, times = append(sizes, p.megapixels), append(times, inMS(p.took))
	}
	r.Photos, r.Megapixels, r.MegapixelsMost = len(photos), quantile(sizes, .5), slices.Max(sizes)
	r.LatencyP50, r.LatencyP99 = quantile(times, .5), quantile(times, .99)
}

// cut reads and cuts out one photo. Each is read anew, as a request's would be, so that only those
// under way take memory; the time to read is not counted.
func (b *Bench) cut(ctx context.Context, path string) (imaging.Result, time.Duration, error) {
	data, err := files.Read(ctx, path, nil, b.Remover.Limits())
	if err != nil {
		return imaging.Result{}, 0, err
	}
	start := time.Now()
	result, err := b.Remover.Remove(ctx, data, b.Options)
	return result, time.Since(start), err
}

// level has workers cut out the photos, over and over, until a share of the time is over;
// each does one at least.
func (b *Bench) level(
	ctx context.Context, photos []photo, workers int, share time.Duration,
) (level, error) {
	defer app.TuneRuntime(workers)() // as serve has it
	runtime.GC()
	debug.FreeOSMemory()
	peak := startPeak()
	var next atomic.Int64
	done := make([]tally, workers)
	group, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	for w := range done {
		group.Go(func() error {
			for ctx.Err() == nil && (len(done[w].times) == 0 || time.Since(start) < share) {
				p := photos[int(next.Add(1)-1)%len(photos)]
				_, took, err := b.cut(ctx, p.path)
				if err != nil {
					return fmt.Errorf("%s: %w", p.path, err)
				}
				done[w].add(p, took)
			}
			done[w].ran = time.Since(start)
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return level{}, err
	}
	l := summary(done, photos)
	l.PeakMiB = peak() >> 20
	return l, nil
}

// tally is what one worker did.
type tally struct {
	times []float64     // of its pictures, in ms
	work  time.Duration // that they took one at a time
	ran   time.Duration // until the last was done
}

func (t *tally) add(p photo, took time.Duration) {
	t.times, t.work = append(t.times, inMS(took)), t.work+p.took
}

// summary has the workers' rates added up: some end before others, and would be charged for the
// wait. So that a level that ended in the midst of the photos compares with the others, work
// counts, and not pictures; a picture is the mean of the photos.
func summary(done []tally, photos []photo) level {
	var round time.Duration
	for _, p := range photos {
		round += p.took
	}
	mean := round.Seconds() / float64(len(photos))
	l := level{Workers: len(done)}
	var times []float64
	for _, t := range done {
		times = append(times, t.times...)
		l.Throughput += t.work.Seconds() / mean / t.ran.Seconds()
	}
	l.Pictures, l.P50, l.P99 = len(times), quantile(times, .5), quantile(times, .99)
	return l
}

// recommend picks the fewest workers whose throughput is near the best.
func (r *Report) recommend() {
	best, rough := 0.0, false
	for _, l := range r.Levels {
		best, rough = max(best, l.Throughput), rough || l.Pictures < enoughEach*l.Workers
	}
	for _, l := range r.Levels {
		if l.Throughput >= best*nearBest {
			r.Recommended = recommendation{
				Slots: l.Workers, Workers: l.Workers + 1, Throughput: l.Throughput, Rough: rough,
			}
			return
		}
	}
}

// size adds the memory to the recommendation: the largest photo may come to all slots at once.
func (r *Report) size(peakLargest int64) {
	r.PeakLargest = peakLargest
	need := peakLargest
	for _, l := range r.Levels {
		if l.Workers == r.Recommended.Slots {
			need = max(need, l.PeakMiB)
		}
	}
	need += need / 4
	r.Recommended.MemoryMiB = (need + memoryRound - 1) / memoryRound * memoryRound
}

// startPeak begins to watch the most memory that this process holds, in bytes; the function tells
// it. Where the kernel does not let the mark be set back, it is that since the process began.
func startPeak() func() int64 {
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
	return func() int64 {
		text, _ := os.ReadFile("/proc/self/status")
		if peak, ok := highWater(string(text)); ok {
			return peak
		}
		var usage syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
		return usage.Maxrss << 10
	}
}

// quantile is the smallest value that a share q of them does not exceed.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func inMS(d time.Duration) float64 { return float64(d) / 1e6 }

// highWater reads VmHWM of /proc/self/status, in bytes.
func highWater(status string) (int64, bool) {
	for line := range strings.Lines(status) {
		var kib int64
		if n, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 && err == nil {
			return kib << 10, true
		}
	}
	return 0, false
}

// Photos returns the paths of the files in dir, in the order of their names, and how many folders
// are in it. What is no regular file, such as a pipe, may have no end; a link that leads nowhere is
// named later, as it cannot be read.
func Photos(dir string) (paths []string, folders int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, 0, err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		switch info, err := os.Stat(path); {
		case err != nil || info.Mode().IsRegular():
			paths = append(paths, path)
		case info.IsDir():
			folders++
		}
	}
	if len(paths) < FewestPhotos {
		return nil, folders, fmt.Errorf("%s has %s, at least %d photos are needed",
			dir, terminal.Count(len(paths), "file"), FewestPhotos)
	}
	return paths, folders, nil
}
