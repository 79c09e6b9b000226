package cmd

import (
	"bgremove/terminal"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

const configFileHead = `# Every setting of bgremove with its default. ` + "`bgremove config print --defaults`" + ` writes this file.
#
# A variable wins over this file and a flag over both; they are named above each key. Times carry their unit (90s, 5m,
# 1h30m) and sizes have it in their name. An unknown key or variable is an error. A key that is left out has its default.`

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
				return printDefaults(cmd.OutOrStdout())
			}
			s, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			if asJSON {
				return s.printJSON(cmd.OutOrStdout())
			}
			return s.print(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an object of key to value and origin")
	cmd.Flags().BoolVar(&defaults, "defaults", false, "print a commented config file of the defaults and read nothing")
	cmd.MarkFlagsMutuallyExclusive("json", "defaults")
	return cmd
}

func newConfigCheckCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Check the configuration",
		Long:  "Read the configuration as serve would and print ok, or every fault and exit with status 2.",
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

func (s *settings) print(w io.Writer) error {
	return printYAML(w, s.keys, func(k *key) (head, tail string) { return "", " # " + k.origin })
}

func printDefaults(w io.Writer) error {
	if _, err := fmt.Fprint(w, configFileHead, "\n\n"); err != nil {
		return err
	}
	return printYAML(w, defaultSettings().keys, func(k *key) (head, tail string) {
		return fmt.Sprintf("# %s\n# %s, --%s\n", k.help, k.env(), k.flag()), ""
	})
}

// printYAML writes keys as nested mappings. comments returns the lines above a key and what follows its value.
func printYAML(w io.Writer, keys []*key, comments func(*key) (head, tail string)) error {
	var text strings.Builder
	section := ""
	for _, k := range keys {
		parent, name, nested := strings.Cut(k.name, ".")
		indent := "  "
		if !nested {
			parent, name, indent = "", k.name, ""
		}
		if text.Len() > 0 && (parent != section || !nested) {
			text.WriteByte('\n')
		}
		if nested && parent != section {
			fmt.Fprintf(&text, "%s:\n", parent)
		}
		section = parent
		head, tail := comments(k)
		for line := range strings.Lines(head) {
			text.WriteString(indent + line)
		}
		fmt.Fprintf(&text, "%s%s: %s%s\n", indent, name, yamlText(k.value()), tail)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func (s *settings) printJSON(w io.Writer) error {
	type entry struct {
		Value  any    `json:"value"`
		Origin string `json:"origin"`
	}
	entries := map[string]entry{}
	for _, k := range s.keys {
		entries[k.name] = entry{k.value(), k.origin}
	}
	return terminal.PrintObject(w, entries)
}

// yamlText is a scalar, quoted where YAML needs it.
func yamlText(value any) string {
	text, err := yaml.Marshal(value)
	if err != nil {
		return fmt.Sprintf("%q", value)
	}
	return strings.TrimSpace(string(text))
}
