package cmd

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"bgremove/app"
	"bgremove/queue"
)

func newServeCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the service or one of its parts",
		Long: `Run the service or one of its parts until SIGTERM or SIGINT. Work in progress is then finished within a grace period,
what is left goes back to the queue, and the process exits with 0. A second signal ends it at once.`,
		Example: `  bgremove serve all
  bgremove serve proxy --queue-url redis://redis:6379 --proxy-addr :5000`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			return app.Usagef("serve needs a part: all, proxy, batch or predict, got %q", args)
		},
	}
	addConfigFlags(cmd)
	for _, part := range []struct {
		use, short, example string
	}{
		{
			app.All, "Run everything in this process; without queue.url the queue too",
			"  bgremove serve all\n  bgremove serve all --proxy-addr :8080 --data-dir " +
				"/var/lib/bgremove\n  bgremove serve all --ephemeral",
		},
		{
			app.Proxy, "Run the public HTTP API",
			"  bgremove serve proxy --proxy-addr :5000 --queue-url redis://redis:6379",
		},
		{
			app.Batch, "Run the workers that take jobs to the predictor",
			"  bgremove serve batch --queue-url redis://redis:6379 --predict-url " +
				"http://predict:5001",
		},
		{
			app.Predict, "Run the predictor",
			"  bgremove serve predict --predict-addr :5001 --predict-slots 4",
		},
	} {
		cmd.AddCommand(&cobra.Command{
			Use: part.use, Short: part.short, Example: part.example, Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd, part.use) },
		})
	}
	cmd.SetGlobalNormalizationFunc(shortFlags)
	return cmd
}

// shortFlags lets two settings of the embedded queue be named without their section.
func shortFlags(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	switch name {
	case "data-dir", "ephemeral":
		name = "queue-" + name
	}
	return pflag.NormalizedName(name)
}

// serve runs a part until the command's context ends.
func serve(cmd *cobra.Command, part string) error {
	s, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	log := app.NewLogger(s.Config.Log, cmd.ErrOrStderr())
	queue.LogTo(log)
	program := app.Program{Version: versions()[0][1], Build: fmt.Sprint(versions())}
	service, err := app.New(cmd.Context(), part, s.Config, program, log)
	if err != nil {
		return err
	}
	if service.Slots() > 0 { // and the parts have sized themselves by the cores
		defer app.TuneRuntime(service.Slots())()
	}
	fmt.Fprintln(cmd.OutOrStdout(), "bgremove is ready: "+service.Ready())
	return service.Run(cmd.Context())
}
