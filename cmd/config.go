package cmd

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"bgremove/app/settings"
)

func newConfigCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print or check the configuration",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	addConfigFlags(cmd)
	cmd.AddCommand(newConfigPrintCmd(), newConfigCheckCmd())
	return cmd
}

func newConfigPrintCmd() *cobra.Command {
	var asJSON, defaults bool
	cmd := &cobra.Command{
		Use:   "print",
		Short: "Print every setting and where its value comes from",
		Long: `Print every setting as YAML, with a comment that says where its value comes from: the default, a line of the
config file, an environment variable or a flag. Passwords are hidden.`,
		Example: `  bgremove config print
  BGREMOVE_QUEUE_LEASE=1m bgremove config print --json | jq '."queue.lease"'
  bgremove config print --defaults > config.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if defaults {
				return settings.PrintDefaults(cmd.OutOrStdout())
			}
			s, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			if asJSON {
				return s.PrintJSON(cmd.OutOrStdout())
			}
			return s.Print(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an object of key to value and origin")
	cmd.Flags().BoolVar(&defaults, "defaults", false,
		"print a commented config file of the defaults and read nothing")
	cmd.MarkFlagsMutuallyExclusive("json", "defaults")
	return cmd
}

func newConfigCheckCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Check the configuration",
		Long: "Read the configuration as serve would and print ok, or every fault and exit with " +
			"status 2.",
		Example: `  bgremove config check
  bgremove config check --config /etc/bgremove/config.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := loadConfig(cmd); err != nil {
				return err
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "ok")
			return err
		},
	}
}

// addConfigFlags gives cmd and its subcommands --config and one flag per key.
func addConfigFlags(cmd *cobra.Command) {
	addConfigFileFlag(cmd)
	flags := cmd.PersistentFlags()
	for _, k := range settings.Default().Keys {
		flags.Var(&flagText{kind: k.Kind()}, k.Flag(), k.Usage())
		if k.Kind() == "bool" {
			flags.Lookup(k.Flag()).NoOptDefVal = "true"
		}
	}
}

// addEngineFlags is addConfigFlags for a command that runs the engine alone: it takes the others as
// serve does, but they change nothing there.
func addEngineFlags(cmd *cobra.Command) {
	addConfigFlags(cmd)
	cmd.PersistentFlags().VisitAll(func(f *pflag.Flag) {
		f.Hidden = f.Name != "config" && !strings.HasPrefix(f.Name, "imaging-")
	})
}

// addConfigFileFlag gives cmd and its subcommands --config.
func addConfigFileFlag(cmd *cobra.Command) {
	cmd.PersistentFlags().String("config", "",
		"configuration file (default ./"+settings.File+" if it exists)")
	cobra.CheckErr(cmd.MarkPersistentFlagFilename("config", "yaml", "yml"))
}

// flagText keeps a flag's value as it was given: loadConfig reads it after the other layers, to
// tell all faults at once.
type flagText struct{ text, kind string }

func (f *flagText) Set(text string) error { f.text = text; return nil }
func (f *flagText) String() string        { return f.text }
func (f *flagText) Type() string          { return f.kind }

// loadConfig reads the configuration for a command below one that addConfigFlags was called on.
func loadConfig(cmd *cobra.Command) (*settings.Settings, error) {
	return settings.Load(os.Environ(), func(name string) (string, bool) {
		f := cmd.Flags().Lookup(name)
		if f == nil {
			return "", false
		}
		return f.Value.String(), f.Changed
	})
}
