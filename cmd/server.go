package cmd

import (
	"github.com/spf13/cobra"

	"bgremove/app/connect"
	"bgremove/app/settings"
)

// addServerFlags adds the flags that serverOf reads, for cmd and the commands below it.
func addServerFlags(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.String("server", "",
		"address of the server (default $"+settings.ServerEnv+", or else "+
			connect.DefaultAddress+")")
	flags.String("key-file", "",
		"file with the API key (default the key in $"+settings.KeyEnv+"). "+
			"No flag takes the key itself: others on this machine see command lines")
	flags.String("cacert", "",
		"file with PEM certificates to trust beside those of the system (default $"+
			settings.CAEnv+")")
}

// serverOf returns the server that the flags and the environment name.
func serverOf(cmd *cobra.Command) (connect.Server, error) {
	text := func(flag string) string { return cmd.Flags().Lookup(flag).Value.String() }
	return connect.Find(text("server"), text("key-file"), text("cacert"))
}
