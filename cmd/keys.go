package cmd

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"bgremove/apikey"
	"bgremove/app"
	"bgremove/terminal"
)

func newKeysCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make API keys, check a file of them",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newKeysNewCmd(), newKeysCheckCmd())
	return cmd
}

func newKeysNewCmd() *cobra.Command {
	var budget int
	var file string
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Make an API key",
		Long: `Make an API key: 256 random bits. It is printed once and kept nowhere; what the file of proxy.api_keys_file gets is a line with
its name and its SHA-256 sum. That line is printed below the key, or added to the file that --file names: then the key is all that
goes to stdout. A server that uses the file knows the key some two seconds later.`,
		Example: `  bgremove keys new shop
  bgremove keys new ci --megapixels-per-minute 60 --file /etc/bgremove/keys.txt > ci.key`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("megapixels-per-minute") && budget == 0 {
				return app.Usagef(
					"--megapixels-per-minute must be at least 1; leave it out for no limit")
			}
			secret, k, err := apikey.New(args[0], budget)
			if err != nil {
				return app.UsageError{Err: err}
			}
			if file == "" {
				return printKey(cmd.OutOrStdout(), cmd.ErrOrStderr(), secret, k)
			}
			if err := apikey.Append(file, k); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), secret)
			return err
		},
	}
	cmd.Flags().IntVar(&budget, "megapixels-per-minute", 0,
		"what the key's holder may have cut out a minute, in megapixels (default no limit)")
	cmd.Flags().StringVar(&file, "file", "",
		"file of keys to add the line to; it is made if there is none")
	return cmd
}

// printKey writes the key and its line to out, and what to do with them to notes.
func printKey(out, notes io.Writer, secret string, k apikey.Key) error {
	if _, err := fmt.Fprintf(out, "%s\n%s\n", secret, k.Line()); err != nil {
		return err
	}
	_, err := fmt.Fprintln(notes, "The first line is the key: it cannot be shown again. The "+
		"second is for the file of proxy.api_keys_file.")
	return err
}

func newKeysCheckCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Check a file of API keys",
		Long: "Read a file of API keys as serve would and list their names and budgets, or " +
			"tell its faults and exit with status 2.",
		Example: `  bgremove keys check /etc/bgremove/keys.txt`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			keys, err := apikey.Read(args[0])
			if err != nil {
				return app.UsageError{Err: err}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "ok, %s\n", terminal.Count(len(keys), "key"))
			for _, k := range keys {
				budget := "no limit"
				if k.MegapixelsPerMinute > 0 {
					budget = fmt.Sprintf("%d megapixels a minute", k.MegapixelsPerMinute)
				}
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", k.Name,
					budget); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
