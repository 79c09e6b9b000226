package cmd

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"bgremove/app"
)

const healthTimeout = 5 * time.Second // of all addresses together

func newHealthCmd() *cobra.Command {
	var urls []string
	var insecure, ready bool
	cmd := &cobra.Command{
		Use:   "health [proxy] [predict] [batch]",
		Short: "Ask a running server whether it is well",
		Long: `Ask a running server whether it is well, for health checks where there is no curl. Any status but 200 at any of the
addresses, or no answer within 5 s, is a failure; what was answered goes to stderr.

The parts that are named, or else the proxy, are asked where the configuration has them listen: name the same file and
set the same variables as for the server. With --url only that address is asked, and no configuration is read.`,
		Example: `  bgremove health
  bgremove health --ready proxy predict
  bgremove health --url http://127.0.0.1:5001/readyz`,
		ValidArgs: []string{app.Proxy, app.Predict, app.Batch},
		Args:      cobra.OnlyValidArgs,
		RunE: func(cmd *cobra.Command, parts []string) error {
			if len(urls) > 0 && (ready || len(parts) > 0) {
				return app.Usagef("--url says all: no part and no --ready beside it")
			}
			if len(urls) == 0 {
				s, err := loadConfig(cmd)
				if err != nil {
					return err
				}
				if len(parts) == 0 {
					parts = []string{app.Proxy}
				}
				if urls, err = s.Config.HealthURLs(parts, ready); err != nil {
					return err
				}
				// the process on this machine is asked, whatever name its certificate is for
				insecure = true
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), healthTimeout)
			defer cancel()
			var errs []error
			for _, url := range urls {
				errs = append(errs, app.CheckHealth(ctx, url, insecure))
			}
			return errors.Join(errs...)
		},
	}
	addConfigFileFlag(cmd)
	cmd.Flags().BoolVar(&ready, "ready", false,
		"ask whether it is ready (/readyz), not only whether it lives (/livez)")
	cmd.Flags().StringArrayVar(&urls, "url", nil,
		"address to ask instead of the configuration's; may be given several times")
	cmd.Flags().BoolVar(&insecure, "insecure", false,
		"take any certificate of --url: it is for a name, and 127.0.0.1 is asked")
	return cmd
}
