package cmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"bgremove/app"
	"bgremove/imaging"
	"bgremove/terminal"
)

const (
	fewestPhotos = 3
	mostPhotos   = 10_000
	shortestRun  = 2 * time.Second
)

func newBenchCmd() *cobra.Command {
	var photos int
	var limit time.Duration
	var format string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "bench DIR",
		Short: "Measure this machine on your photos and recommend settings for it",
		Long: `Cut out the photos in DIR (folders in it are not looked into) one at a time and then several at a time, and print what each stage takes,
the latency, how many pictures a second there are with how many workers, and the memory that took. From these come predict.slots,
batch.workers, the fewest workers that reach the best throughput within 3 %, and the memory to give the process: what it took with the
largest of the photos in every slot, and a quarter more.

The engine runs alone, without queue and servers: stop the service before, or its work is measured too. It takes as long as --for
says; with large photos, a machine of many cores or the opencv engine, give it more. Photos that cannot be cut out are named on stderr.

Exit status: 0 done, 1 interrupted or fewer than 3 photos could be cut out, 2 bad command line or configuration. See docs/doctor.md.`,
		Example: `  bgremove bench photos
  bgremove bench photos --n 200 --for 5m --format webp
  bgremove bench photos --json | jq .recommended`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			opts, err := benchOptions(photos, limit, format)
			if err != nil {
				return app.UsageError{Err: err}
			}
			paths, folders, err := filesIn(args[0])
			if folders > 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "not looked into: %s in %s\n", terminal.Count(folders, "folder"), terminal.Printable(args[0]))
			}
			if err != nil {
				return err
			}
			remover, err := imaging.New(s.Config.Imaging)
			if err != nil {
				return err
			}
			noteLoad(cmd.ErrOrStderr())
			b := &bench{remover: remover, opts: opts, paths: paths, most: photos, limit: limit, notes: cmd.ErrOrStderr(), watched: terminal.Attached(cmd.ErrOrStderr())}
			report, err := b.run(cmd.Context())
			if cmd.Context().Err() != nil {
				return errors.New("interrupted")
			} else if err != nil {
				return err
			}
			if asJSON {
				return terminal.PrintObject(cmd.OutOrStdout(), report)
			}
			return report.print(cmd.OutOrStdout())
		},
	}
	addEngineFlags(cmd)
	flags := cmd.Flags()
	flags.IntVar(&photos, "n", 50, "photos to measure, spread over those in DIR by name")
	flags.DurationVar(&limit, "for", time.Minute, "time that all measurements may take together, such as 30s or 5m")
	flags.Lookup("for").DefValue = terminal.Duration(limit)
	flags.StringVar(&format, "format", "png", "format of the results: png, jpg, webp or zip; it decides on the time to encode and on the memory")
	flags.BoolVar(&asJSON, "json", false, "print an object of all figures")
	return cmd
}

// noteLoad tells of work besides ours, which makes the figures worse than they are.
func noteLoad(w io.Writer) {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return
	}
	cores := runtime.NumCPU()
	if load := float64(info.Loads[0]) / (1 << 16); load > float64(cores)/2 {
		fmt.Fprintf(w, "this machine is busy (load average %.1f on %s): the figures are lower than what it can do\n", load, terminal.Count(cores, "core"))
	}
}

// benchOptions joins every fault of the flags.
func benchOptions(photos int, limit time.Duration, format string) (imaging.Options, error) {
	var errs []error
	if photos < fewestPhotos || photos > mostPhotos {
		errs = append(errs, fmt.Errorf("--n: must be %d to %d, is %d", fewestPhotos, mostPhotos, photos))
	}
	if limit < shortestRun {
		errs = append(errs, fmt.Errorf("--for: must be at least %s, is %s", terminal.Duration(shortestRun), terminal.Duration(limit)))
	}
	opts, err := imaging.ParseOptions(func(key string) string {
		if key == "format" {
			return format
		}
		return ""
	})
	if err != nil {
		errs = append(errs, fmt.Errorf("--format: %w", err))
	}
	return opts, errors.Join(errs...)
}

// filesIn are the paths of the files in dir, in the order of their names, and how many folders are in it. What is no regular file, such as a pipe, may have no end;
// a link that leads nowhere is named later, as it cannot be read.
func filesIn(dir string) (paths []string, folders int, err error) {
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
	if len(paths) < fewestPhotos {
		return nil, folders, fmt.Errorf("%s has %s, at least %d photos are needed", dir, terminal.Count(len(paths), "file"), fewestPhotos)
	}
	return paths, folders, nil
}

func (r *benchReport) print(w io.Writer) error {
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
	fmt.Fprintf(w, "\none at a time, with all cores: p50 %.1f ms, p99 %.1f ms\n\n", r.LatencyP50, r.LatencyP99)
	fmt.Fprintln(table, "workers\tpictures\tpictures/s\tp50 ms\tp99 ms\tpeak MiB\t")
	for _, l := range r.Levels {
		mark := ""
		if l.Workers == r.Recommended.Slots {
			mark = "  <- recommended"
		}
		fmt.Fprintf(table, "%d\t%d\t%.2f\t%.1f\t%.1f\t%d\t%s\n", l.Workers, l.Pictures, l.Throughput, l.P50, l.P99, l.PeakMiB, mark)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	rec := r.Recommended
	if rec.Rough {
		fmt.Fprintf(w, "\nThe recommendation is rough: some numbers of workers had fewer than %d pictures for each worker. Give --for more.\n", enoughEach)
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
