package cmd

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"bgremove/app/bench"
	"bgremove/imaging"
	"bgremove/imaging/option"
	"bgremove/terminal"
)

const (
	mostPhotos  = 10_000
	shortestRun = 2 * time.Second
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
				return err
			}
			paths, folders, err := bench.Photos(args[0])
			if folders > 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "not looked into: %s in %s\n",
					terminal.Count(folders, "folder"), terminal.Printable(args[0]))
			}
			if err != nil {
				return err
			}
			remover, err := imaging.New(s.Config.Imaging)
			if err != nil {
				return err
			}
			b := &bench.Bench{
				Remover: remover, Options: opts, Paths: paths, Most: photos, Limit: limit,
				Notes: cmd.ErrOrStderr(), Watched: terminal.Attached(cmd.ErrOrStderr()),
			}
			report, err := b.Run(cmd.Context())
			if cmd.Context().Err() != nil {
				return errors.New("interrupted")
			} else if err != nil {
				return err
			}
			if asJSON {
				return terminal.PrintObject(cmd.OutOrStdout(), report)
			}
			return report.Print(cmd.OutOrStdout())
		},
	}
	addEngineFlags(cmd)
	flags := cmd.Flags()
	flags.IntVar(&photos, "n", 50, "photos to measure, spread over those in DIR by name")
	flags.DurationVar(&limit, "for", time.Minute,
		"time that all measurements may take together, such as 30s or 5m")
	flags.Lookup("for").DefValue = terminal.Duration(limit)
	flags.StringVar(&format, "format", "png", "format of the results: png, jpg, webp or zip; it "+
		"decides on the time to encode and on the memory")
	flags.BoolVar(&asJSON, "json", false, "print an object of all figures")
	return cmd
}

// benchOptions joins every fault of the flags.
func benchOptions(photos int, limit time.Duration, format string) (option.Options, error) {
	opts, err := option.Parse(func(key string) string {
		if key == "format" {
			return format
		}
		return ""
	})
	var wrong faults
	wrong.when(photos < bench.FewestPhotos || photos > mostPhotos,
		"--n: must be %d to %d, is %d", bench.FewestPhotos, mostPhotos, photos)
	wrong.when(limit < shortestRun,
		"--for: must be at least %s, is %s", terminal.Duration(shortestRun),
		terminal.Duration(limit))
	wrong.when(err != nil, "--format: %w", err)
	return opts, wrong.err()
}
