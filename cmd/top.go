package cmd

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"bgremove/app"
	"bgremove/app/top"
	"bgremove/terminal"
)

func newTopCmd() *cobra.Command {
	var metrics []string
	var every time.Duration
	var once bool
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Watch the queue, the running jobs and the latencies",
		Long: `Watch the queue, the running jobs, rates, slots and latencies. Keys: q quits, p pauses. With --once or --json, and where the output is
no terminal, the figures of one interval are printed.

Rates, slots and latencies come from /metrics of the server, where that lets this key in. Where predictors and workers are processes of
their own, name theirs with --metrics; each process once, as figures are added up. The key is not sent to them. NO_COLOR is heeded.`,
		Example: `  bgremove jobs top
  bgremove jobs top --metrics http://predict:5001 --metrics http://batch:5002
  bgremove jobs top --once --json | jq .queue.running`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if every < top.ShortestInterval {
				return app.Usagef("--interval: must be at least %s, is %s",
					terminal.Duration(top.ShortestInterval), terminal.Duration(every))
			}
			server, err := serverOf(cmd)
			if err != nil {
				return err
			}
			w, err := top.New(cmd.Context(), server, metrics)
			if err != nil {
				return err
			}
			defer w.Close()
			if once || wantsJSON(cmd) || !terminal.Attached(cmd.OutOrStdout()) ||
				os.Getenv("TERM") == "" {
				return server.Fault(cmd.Context(),
					w.Once(cmd.Context(), cmd.OutOrStdout(), every, wantsJSON(cmd)))
			}
			return w.Watch(cmd.Context(), every)
		},
	}
	cmd.Flags().StringArrayVar(&metrics, "metrics", nil, "address of a predictor's or batch "+
		"process' server, as in http://predict:5001; may be given several times")
	cmd.Flags().DurationVar(&every, "interval", time.Second, "time between two looks")
	cmd.Flags().BoolVar(&once, "once", false, "print the figures of one interval and end")
	return cmd
}
