package cmd

import (
	"cmp"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"bgremove/terminal"
)

// Set by the linker (see the Makefile) and by nothing else.
var version, commit string //nolint:gochecknoglobals // -X sets nothing but package variables

func newVersionCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of bgremove and of what it is built with",
		Example: "  bgremove version",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return terminal.PrintColumns(cmd.OutOrStdout(), versions())
		},
	}
}

// versions are names with their versions. What the linker did not set comes from what go
// build stamps by itself.
func versions() [][]string {
	v, c, gocv := version, commit, "none"
	if info, ok := debug.ReadBuildInfo(); ok {
		v = cmp.Or(v, info.Main.Version)
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				c = cmp.Or(c, setting.Value)
			}
		}
		for _, module := range info.Deps {
			if module.Path == "gocv.io/x/gocv" {
				gocv = module.Version
			}
		}
	}
	return [][]string{
		{"bgremove", cmp.Or(v, "unknown")},
		{"commit", cmp.Or(c, "unknown")},
		{"go", runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH},
		{"gocv", gocv},
	}
}
