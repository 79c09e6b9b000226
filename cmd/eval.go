package cmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"bgremove/app"
	"bgremove/imaging"
	"bgremove/imaging/eval"
)

const (
	maxEvalJobs      = 1024
	strokesSparse    = "sparse"         // the one value of --strokes
	progressInterval = 10 * time.Second // between lines on stderr
)

// evalOptions are the flags of eval, but for those of the configuration.
type evalOptions struct {
	images, masks string
	engines       []string
	roi           float64
	strokes       string
	jobs          int
	json, html    string
	worst, limit  int
	reliability   float64
}

func newEvalCmd() *cobra.Command {
	var o evalOptions
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Measure the engines on photos with masks",
		Long: `Measure the engines on your own photos with masks of their foreground, and print how near they come. An image goes with the
mask of its name: a.jpg with a.png. Of a mask, the first channel counts, 128 and above being foreground. What is in only one of
the folders is named on stderr.

The engines run alone, without queue and servers; their time is measured without reading and decoding. Several jobs slow each
other down: for times to compare, use --jobs 1.

Exit status: 0 done, 1 interrupted or a picture could not be read, 2 bad command line or configuration. See docs/eval.md.`,
		Example: `  bgremove eval --images photos --masks masks --engine fast,opencv --html worst.html
  bgremove eval --images photos --masks masks --roi-from-mask 0.07 --jobs 1 --json result.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return evaluate(cmd, o) },
	}
	addEngineFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&o.images, "images", "", "folder of the images")
	flags.StringVar(&o.masks, "masks", "", "folder of the masks")
	flags.StringSliceVar(&o.engines, "engine", nil, "engines, separated by commas; the others "+
		"are compared with the first (default imaging.engine)")
	flags.Float64Var(&o.roi, "roi-from-mask", 0, "give the mask's bounding box as the roi, "+
		"widened on each side by this share of its width or height, 0 to 1")
	flags.StringVar(&o.strokes, "strokes", "",
		`"sparse": give a few short strokes on each side, made from the mask`)
	flags.IntVar(&o.jobs, "jobs", runtime.NumCPU(), "pictures at a time")
	flags.StringVar(&o.json, "json", "", "file to write everything to, picture by picture")
	flags.StringVar(&o.html, "html", "", "file to write a page of the worst pictures to")
	flags.IntVar(&o.worst, "worst", 24, "how many pictures are on that page")
	flags.IntVar(&o.limit, "limit", 0,
		"measure only so many pictures, the first by name; 0 means all")
	flags.Float64Var(&o.reliability, "reliability", 0, "print how far Quality.Confidence can be "+
		"believed, a result being good from this IoU on, above 0 to 1")
	for _, name := range []string{"images", "masks"} {
		cobra.CheckErr(cmd.MarkFlagRequired(name))
		cobra.CheckErr(cmd.MarkFlagDirname(name))
	}
	return cmd
}

// evaluate writes its files even of a run that was interrupted.
func evaluate(cmd *cobra.Command, o evalOptions) error {
	s, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	if err := o.validate(cmd.Flags()); err != nil {
		return err
	}
	cfg, err := o.config(cmd, s.Config.Imaging)
	if err != nil {
		return err
	}
	pairs, rest, err := eval.Pairs(o.images, o.masks)
	if err != nil {
		return app.UsageError{Err: err}
	}
	for _, file := range rest {
		fmt.Fprintln(cmd.ErrOrStderr(), "left out:", file)
	}
	if len(pairs) == 0 {
		return fmt.Errorf("no image in %s has a mask of its name in %s", o.images, o.masks)
	}
	if o.limit > 0 {
		pairs = pairs[:min(o.limit, len(pairs))]
	}
	// Before the run, which may be long: a place that cannot be written to shows at once.
	outputs := make([]*os.File, 2)
	for i, path := range []string{o.json, o.html} {
		if path == "" {
			continue
		}
		if outputs[i], err = os.Create(filepath.Clean(path)); err != nil {
			return err
		}
		defer outputs[i].Close()
	}
	report := eval.Run(cmd.Context(), cfg, pairs)
	if o.reliability > 0 {
		report.Calibrate(o.reliability)
	}
	errs := []error{report.WriteTable(cmd.OutOrStdout(), o.reliability > 0)}
	for i, write := range []func(io.Writer) error{report.WriteJSON, report.WriteSheet} {
		if outputs[i] != nil {
			errs = append(errs, write(outputs[i]), outputs[i].Close())
		}
	}
	return errors.Join(append(errs, outcome(cmd.ErrOrStderr(), report))...)
}

func (o evalOptions) validate(flags *pflag.FlagSet) error {
	var wrong faults
	// also NaN
	wrong.when(!(o.roi >= 0 && o.roi <= 1), "--roi-from-mask: must be 0 to 1, is %v", o.roi)
	wrong.when(flags.Changed("reliability") && !(o.reliability > 0 && o.reliability <= 1),
		"--reliability: must be above 0 and at most 1, is %v", o.reliability)
	wrong.when(o.strokes != "" && o.strokes != strokesSparse,
		"--strokes: must be %s, is %.64q", strokesSparse, o.strokes)
	wrong.when(o.jobs < 1 || o.jobs > maxEvalJobs, "--jobs: must be 1 to %d, is %d",
		maxEvalJobs, o.jobs)
	wrong.when(o.worst < 0, "--worst: must be 0 or more, is %d", o.worst)
	wrong.when(o.limit < 0, "--limit: must be 0 or more, is %d", o.limit)
	return wrong.err()
}

// config makes the engines.
func (o evalOptions) config(cmd *cobra.Command, c imaging.Config) (eval.Config, error) {
	remover, err := imaging.New(c)
	if err != nil {
		return eval.Config{}, err
	}
	cfg := eval.Config{
		Limits:   remover.Limits(),
		Hints:    eval.HintConfig{Strokes: o.strokes == strokesSparse},
		Jobs:     o.jobs,
		Quality:  remover.Assess,
		Progress: progress(cmd.ErrOrStderr()),
	}
	if cmd.Flags().Changed("roi-from-mask") {
		cfg.Hints.ROI = &o.roi
	}
	if o.html != "" {
		cfg.Worst = o.worst
	}
	if len(o.engines) == 0 {
		o.engines = []string{remover.DefaultEngine()}
	}
	for i, name := range o.engines {
		engine, err := remover.Find(name)
		if err != nil {
			return eval.Config{}, app.UsageError{Err: err}
		}
		if slices.Contains(o.engines[:i], name) {
			return eval.Config{}, app.Usagef("--engine: %s is named twice", name)
		}
		cfg.Engines = append(cfg.Engines, engine)
	}
	return cfg, nil
}

// progress writes a line now and then, so that a long run is no silent one.
func progress(w io.Writer) func(done, total int) {
	last := time.Now()
	return func(done, total int) {
		if time.Since(last) >= progressInterval {
			last = time.Now()
			fmt.Fprintf(w, "%d of %d pictures\n", done, total)
		}
	}
}

// outcome names the pictures that could not be read and returns the error that
// makes the exit status.
func outcome(stderr io.Writer, r *eval.Report) error {
	var errs []error
	for _, p := range r.Pictures {
		if p.Error != "" {
			fmt.Fprintf(stderr, "not read: %s: %s\n", p.Name, p.Error)
		}
	}
	if r.Unread > 0 {
		errs = append(errs, fmt.Errorf("%d of %d pictures could not be read", r.Unread, r.Asked))
	}
	if r.Interrupted {
		errs = append(errs,
			fmt.Errorf("interrupted after %d of %d pictures", len(r.Pictures), r.Asked))
	}
	return errors.Join(errs...)
}
