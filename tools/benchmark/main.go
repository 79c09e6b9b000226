//go:build cgo

// Command benchmark measures what bgremove promises, side by side with OpenCV on the same machine,
// and writes the report:
//
//	go run -tags gocv_specific_modules ./tools/benchmark -photos DIR -out docs/benchmarks.md
//
// DIR has photos with masks of the same names: valid/images and valid/masks to measure how exact
// the engines are, and photos/images, large ones, to measure how fast. Each section runs in a
// process of its own: so it can be bound to one core, and its memory is its own.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"bgremove/tools/fleet"
)

// options are those of the command; children get the same.
type options struct {
	photos, out, work, section string
}

// section is a part of the report.
type section struct {
	name string
	run  func(ctx context.Context, o options, out io.Writer) error
	core bool     // bound to one core
	env  []string // more of it
}

func sections() []section {
	const one = "GOMAXPROCS=1"
	return []section{
		{"accuracy", accuracy, false, nil},
		{"network", network, true, []string{one}},
		{"network-plain", network, true, []string{one, "GODEBUG=cpu.avx2=off"}},
		{"engines", engines, true, []string{one}},
		{"whole-1", whole, true, []string{one}},
		{"whole-2", whole, false, []string{"GOMAXPROCS=2"}},
		{"peak", peak, false, nil},
		{"steady", steady, false, nil},
	}
}

func main() {
	var o options
	flag.StringVar(&o.photos, "photos", "../shared/eval", "folder of photos with masks")
	flag.StringVar(&o.out, "out", "docs/benchmarks.md", "report to write")
	flag.StringVar(&o.section, "section", "",
		"run only the sections whose names begin so, and print them")
	flag.StringVar(&o.work, "work", "", "folder of a run's own files")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "benchmark:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if o.work != "" {
		i := slices.IndexFunc(sections(), func(s section) bool { return s.name == o.section })
		if i < 0 {
			return fmt.Errorf("no section is called %q", o.section)
		}
		return sections()[i].run(ctx, o, os.Stdout)
	}
	if o.work, err = os.MkdirTemp("", "bgremove-benchmark-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(o.work)) }()
	if !slices.ContainsFunc(sections(),
		func(s section) bool { return strings.HasPrefix(s.name, o.section) }) {
		return fmt.Errorf("no section's name begins with %q", o.section)
	}
	if err := preparePhotos(o); err != nil {
		return err
	}
	report, err := all(ctx, o)
	if err != nil || o.section != "" {
		return err
	}
	return os.WriteFile(o.out, report, 0o644)
}

// all runs the sections one after the other, each in a child.
func all(ctx context.Context, o options) ([]byte, error) {
	var report bytes.Buffer
	out := io.MultiWriter(&report, os.Stdout)
	about(out)
	for _, s := range sections() {
		if !strings.HasPrefix(s.name, o.section) {
			continue
		}
		start := time.Now()
		if err := child(ctx, o, s, out); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Fprintf(os.Stderr, "%s took %v\n", s.name, time.Since(start).Round(time.Second))
	}
	return report.Bytes(), nil
}

func child(ctx context.Context, o options, s section, out io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{self, "-section", s.name, "-work", o.work, "-photos", o.photos}
	if s.core {
		// the last core is others' for choice
		args = append([]string{"taskset", "-c", "0"}, args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), s.env...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	return cmd.Run()
}

// about names the machine.
func about(out io.Writer) {
	fmt.Fprintf(out, `# Benchmarks

`+"`make bench`"+` measures these and writes this page. Ratios are of times measured in the same run on the same core; a shared machine changes both alike.

| | |
|---|---|
| processor | %s, %d cores |
| memory | %s |
| Go | %s |
| date | %s |
| commit | %s |
`, ofMachine("cpuinfo", "model name"), runtime.NumCPU(), ofMachine("meminfo", "MemTotal"),
		runtime.Version(), time.Now().Format(time.DateOnly), commit())
}

func ofMachine(file, key string) string {
	value, err := fleet.ProcField(file, key)
	return cmp.Or(value, fmt.Sprint(err))
}

func commit() string {
	//nolint:noctx // answers at once
	out, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	return cmp.Or(strings.TrimSpace(string(out)), fmt.Sprint(err))
}

func inWork(o options, name string) string { return filepath.Join(o.work, name) }
