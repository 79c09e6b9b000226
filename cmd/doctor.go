package cmd

import (
	"cmp"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"bgremove/app"
	"bgremove/app/doctor"
	"bgremove/queue"
)

func newDoctorCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor [all|proxy|batch|predict]",
		Short: "Check what the service would meet here, and say what to do about each fault",
		Long: `Check the configuration, the ports, Redis or the data folder, the image store, the engines and the machine, as "serve" with the
same part (default all) and the same settings would meet them, and say what to do about each fault. Each check takes 5 s at most, and all are
made whatever the others find. Run it as the user that runs the service. Nothing is left behind, and no password is printed.

Exit status: 0 nothing failed (there may be warnings), 1 a check failed, 2 bad command line or configuration. See docs/doctor.md.`,
		Example: `  bgremove doctor
  bgremove doctor proxy --config /etc/bgremove/config.yaml
  bgremove doctor --queue-url redis://redis:6379 --json | jq '.findings[] | select(.status != "ok")'`,
		ValidArgs: []string{app.All, app.Proxy, app.Batch, app.Predict},
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			queue.LogTo(slog.New(slog.DiscardHandler)) // what matters comes back as errors
			return doctor.Run(cmd.Context(), s, cmp.Or(strings.Join(args, ""), app.All),
				cmd.OutOrStdout(), asJSON)
		},
	}
	addConfigFlags(cmd)
	cmd.SetGlobalNormalizationFunc(shortFlags)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an object with a list of findings")
	return cmd
}
