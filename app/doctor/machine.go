package doctor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/cpu"
	"golang.org/x/sys/unix"

	"bgremove/terminal"
)

// What memory is needed for, in MiB, as docs/operations.md has it.
const (
	baseMiB       = 60  // a predictor
	proxyMiB      = 85  // a proxy
	garbageMiB    = 64  // a slot, between two collections
	pngMiB        = 45  // a slot, and for each megapixel of its picture
	pngMiBEach    = 7   // with PNG as the result
	webpMiBEach   = 25  // with WebP
	opencvMiBEach = 220 // with the opencv engine, before there is a result
	opencvMost    = 16  // megapixels that it takes
)

const sparesOpen = 256 // files beside those that requests hold

// memory compares what there is with what the configuration may take.
func (d *doctor) memory(context.Context) []finding {
	limit, what, err := memoryLimit("/")
	if err != nil {
		return []finding{warn("memory", err.Error(), "see docs/operations.md for what is needed")}
	}
	return d.fits(limit, what, debug.SetMemoryLimit(-1))
}

// fits is memory for a limit, in bytes, and a GOMEMLIMIT.
func (d *doctor) fits(limit int64, what string, goLimit int64) []finding {
	const name = "memory"
	plain, more, parts := d.memoryNeeds()
	have := limit >> 20
	text := fmt.Sprintf("%d MiB (%s); at its busiest serve %s takes %d MiB",
		have, what, d.part, plain)
	var lacking []string
	for _, m := range more {
		if m.mib <= plain {
			continue
		}
		text += fmt.Sprintf(", %d %s", m.mib, m.with)
		if have < m.mib {
			lacking = append(lacking, m.with)
		}
	}
	text += ": " + parts
	advice := "lower predict.slots, imaging.max_image_megapixels or http.upload_mib, or give it " +
		"more memory; bgremove bench measures what your photos need"
	var found []finding
	switch {
	case have < plain/4:
		found = append(found, fail(name, text, advice))
	case have < plain:
		found = append(found, warn(name, text, advice))
	case lacking != nil:
		found = append(found, warn(name, text,
			"enough but "+strings.Join(lacking, " or ")+", for which any client may ask; "+advice))
	default:
		found = append(found, ok(name, "%s", text))
	}
	switch {
	case goLimit == math.MaxInt64:
	case goLimit > limit:
		found = append(found,
			warn("GOMEMLIMIT", fmt.Sprintf("is %d MiB, more than there is", goLimit>>20),
				fmt.Sprintf("set GOMEMLIMIT=%dMiB, nine tenths of it", have*9/10)))
	case goLimit>>20 < plain/4:
		found = append(found, warn("GOMEMLIMIT",
			fmt.Sprintf("is %d MiB: near it, Go collects all the time", goLimit>>20),
			fmt.Sprintf("set GOMEMLIMIT=%dMiB, nine tenths of what there is", have*9/10)))
	default:
		found = append(found, ok("GOMEMLIMIT", "is %d MiB", goLimit>>20))
	}
	return found
}

// moreMemory is what a part takes where clients ask for more than the usual.
type moreMemory struct {
	mib  int64
	with string
}

// memoryNeeds is what a part takes at the most in MiB, with pictures of the largest size in all
// slots and PNG as the result, and what it takes where clients ask for more.
func (d *doctor) memoryNeeds() (plain int64, more []moreMemory, parts string) {
	if d.part == "batch" {
		each := int64(d.workers()) * int64(d.cfg.Imaging.MaxImageMiB)
		return baseMiB + 2*each, []moreMemory{{baseMiB + 4*each, "with ZIP results"}},
			terminal.Count(d.workers(), "worker") + ", each with an image and its result"
	}
	// serve all has those of its proxy: others seldom ask its predictor
	bodies := int64(d.cfg.HTTP.UploadMiB)
	rest, terms := bodies, []string{fmt.Sprintf("%d MiB of uploads", bodies)}
	if d.hasProxy() {
		rest += proxyMiB + int64(d.cfg.Proxy.MaxWaiting)*32>>10
	}
	if !d.predicts() {
		return rest, nil, terms[0]
	}
	megapixels, slots := int64(d.cfg.Imaging.MaxImageMegapixels), int64(d.slots())
	all := func(each int64) int64 { return rest + baseMiB + slots*(garbageMiB+pngMiB+each) }
	opencv := all(min(opencvMost, megapixels) * (pngMiBEach + opencvMiBEach))
	plain, more = all(megapixels*pngMiBEach),
		[]moreMemory{{all(megapixels * webpMiBEach), "with WebP results"}}
	if d.cfg.Imaging.Engine == "opencv" {
		plain = max(plain, opencv)
	} else if d.hasOpenCV() {
		more = append(more, moreMemory{opencv, "with engine=opencv"})
	}
	terms = append([]string{fmt.Sprintf("%s with pictures of %s",
		terminal.Count(slots, "slot"), terminal.Count(megapixels, "megapixel"))}, terms...)
	return plain, more, strings.Join(terms, ", ")
}

// hasOpenCV says that this build has the engine, whichever is the default.
func (d *doctor) hasOpenCV() bool {
	c := d.cfg.Imaging
	c.Engine = "opencv"
	return c.Validate() == nil
}

func (d *doctor) slots() int {
	if d.cfg.Predict.Slots > 0 {
		return d.cfg.Predict.Slots
	}
	return runtime.GOMAXPROCS(0)
}

func (d *doctor) workers() int {
	if d.cfg.Batch.Workers > 0 {
		return d.cfg.Batch.Workers
	}
	return runtime.GOMAXPROCS(0) + 1
}

// memoryLimit is what this process may use, in bytes, and what sets it. root is where
// the machine's files are.
func memoryLimit(root string) (limit int64, what string, err error) {
	limit, err = totalMemory(filepath.Join(root, "proc/meminfo"))
	if err != nil {
		return 0, "", err
	}
	what = "of the machine"
	for _, file := range cgroupFiles(root, "memory.max", "memory/memory.limit_in_bytes") {
		text, err := os.ReadFile(filepath.Clean(file))
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil &&
			n < limit {
			limit, what = n, "cgroup limit"
		}
	}
	return limit, what, nil
}

func totalMemory(meminfo string) (int64, error) {
	f, err := os.Open(filepath.Clean(meminfo))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 1 && fields[0] == "MemTotal:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("/proc/meminfo has no MemTotal")
}

// cgroupFiles are where a limit of this process may be written: in its group of version 2 and in
// all above it, or as version 1 has it.
func cgroupFiles(root, v2, v1 string) (files []string) {
	group := "/"
	if text, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup")); err == nil {
		for line := range strings.Lines(string(text)) {
			if path, found := strings.CutPrefix(strings.TrimSpace(line), "0::"); found {
				group = path
			}
		}
	}
	base := filepath.Join(root, "sys/fs/cgroup")
	for ; ; group = filepath.Dir(group) {
		files = append(files, filepath.Join(base, group, v2))
		if group == "/" || group == "." {
			return append(files, filepath.Join(base, v1))
		}
	}
}

// cpu compares the cores with the slots.
func (d *doctor) cpu(context.Context) []finding {
	quota := cpuQuota("/")
	return d.cores(runtime.NumCPU(), runtime.GOMAXPROCS(0), quota,
		runtime.GOARCH != "amd64" || cpu.X86.HasAVX2 && cpu.X86.HasFMA)
}

// cores is cpu for a machine of so many; quota is in cores, 0 for none.
func (d *doctor) cores(cores, procs int, quota float64, fast bool) (found []finding) {
	const name = "cpu"
	text := fmt.Sprintf("%s, GOMAXPROCS is %d", terminal.Count(cores, "core"), procs)
	if quota > 0 {
		text += fmt.Sprintf(", cgroup quota of %.1f cores", quota)
	}
	switch {
	case quota > 0 && float64(procs) > math.Ceil(quota)+1:
		found = append(found,
			warn(name, text+": the kernel stops the process when its quota is used up",
				"leave GOMAXPROCS unset, or set it to "+strconv.Itoa(int(math.Ceil(quota)))))
	case d.predicts() && d.slots() > 2*procs:
		found = append(found, warn(name, fmt.Sprintf(
			"%s, predict.slots is %d: pictures get slower and memory goes, and no more get done",
			text, d.slots()),
			"leave predict.slots at 0, or see what bgremove bench recommends"))
	default:
		found = append(found, ok(name, "%s", text))
	}
	if d.predicts() && !fast {
		found = append(found, warn("cpu instructions",
			"no AVX2 with FMA: the network takes several times as long",
			"use a CPU of 2013 or later, or have the virtual machine pass its own on (-cpu host)"))
	} else if d.predicts() {
		found = append(found,
			ok("cpu instructions", "all that the network uses on %s", runtime.GOARCH))
	}
	return found
}

// cpuQuota is the least quota of the process's control groups in cores; 0 for none.
func cpuQuota(root string) (quota float64) {
	for _, file := range cgroupFiles(root, "cpu.max", "cpu/cpu.cfs_quota_us") {
		text, err := os.ReadFile(filepath.Clean(file))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(text))
		// version 1 has the period in a file of its own, and nearly always this one
		if len(fields) == 1 {
			fields = append(fields, "100000")
		}
		if len(fields) != 2 {
			continue
		}
		share, err := strconv.ParseFloat(fields[0], 64)
		period, err2 := strconv.ParseFloat(fields[1], 64)
		if err != nil || err2 != nil || share <= 0 || period <= 0 { // "max" is none
			continue
		}
		if cores := share / period; quota == 0 || cores < quota {
			quota = cores
		}
	}
	return quota
}

func (d *doctor) clock(context.Context) []finding {
	var t unix.Timex // which asks and sets nothing
	state, err := unix.Adjtimex(&t)
	// a container may not ask
	return []finding{plausible(time.Now(), err != nil || inStep(state, t.Status))}
}

// inStep says, of what the kernel answers, that something keeps the clock right.
func inStep(state int, status int32) bool {
	return state != unix.TIME_ERROR && status&unix.STA_UNSYNC == 0
}

// plausible: TTLs, certificates and signatures of requests to S3 go by the clock.
func plausible(now time.Time, synchronised bool) finding {
	const name, advice = "clock", "run NTP (chrony, systemd-timesyncd), for a container on its host"
	text := now.UTC().Format("2006-01-02 15:04:05 UTC")
	switch {
	case now.Year() < 2025 || now.Year() > 2100:
		return fail(name, text+" cannot be right", "set it, and "+advice)
	case !synchronised:
		return warn(name, text+", not synchronised: nothing keeps it right", advice)
	}
	return ok(name, "%s", text)
}

// openFiles compares the limit, which Go has raised to the hard one by now, with the
// connections that may be open.
func (d *doctor) openFiles(context.Context) []finding {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return []finding{warn("open files", err.Error(), "see that ulimit -Hn allows some 20000")}
	}
	return []finding{d.filesFit(limit.Max)}
}

func (d *doctor) filesFit(limit uint64) finding {
	const name = "open files"
	need := uint64(sparesOpen)
	what := "some hundred are needed"
	if d.hasProxy() {
		need += uint64(d.cfg.Proxy.MaxWaiting)
		what = fmt.Sprintf("proxy.max_waiting allows %s, each with a connection",
			terminal.Count(d.cfg.Proxy.MaxWaiting, "waiting request"))
	}
	shown := strconv.FormatUint(limit, 10)
	if limit > 1<<40 {
		shown = "no limit"
	}
	if limit < need {
		return warn(name, fmt.Sprintf("%s at most (ulimit -Hn); %s", shown, what),
			fmt.Sprintf("raise it to %d (LimitNOFILE= of systemd, --ulimit nofile= of Docker), "+
				"or lower proxy.max_waiting", need))
	}
	return ok(name, "%s at most; %s", shown, what)
}
