package cmd

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"bgremove/app"
	"bgremove/imaging/engine"
	"bgremove/imaging/option"
	"bgremove/queue"
)

// exitStatuses goes into every page that does not tell its own.
const exitStatuses = "Exit status: 0 done, 1 failed, 2 bad command line or configuration."

func newManCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write manual pages of all commands into a folder",
		Long: `Write a manual page of each command into DIR, which is made if there is none: bgremove.1, bgremove-serve.1 and so on. With
SOURCE_DATE_EPOCH (seconds since 1970) the same program writes the same bytes.`,
		Example: `  bgremove man /usr/local/share/man/man1
  SOURCE_DATE_EPOCH=0 bgremove man man && man -l man/bgremove-serve.1`,
		Hidden: true, // for those who package it
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			date, err := sourceDate(os.Getenv("SOURCE_DATE_EPOCH"), time.Now())
			if err != nil {
				return app.UsageError{Err: err}
			}
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			root := cmd.Root()
			forPages(root)
			return doc.GenManTree(root, &doc.GenManHeader{Date: &date, Source: "bgremove " +
				versions()[0][1], Manual: "bgremove"}, args[0])
		},
	}
}

// sourceDate is the date of the pages: that of
// https://reproducible-builds.org/specs/source-date-epoch/, or else now.
func sourceDate(epoch string, now time.Time) (time.Time, error) {
	if epoch == "" {
		return now.UTC(), nil
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil || seconds < 0 {
		return time.Time{},
			fmt.Errorf("SOURCE_DATE_EPOCH: must be seconds since 1970, is %q", epoch)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// forPages fits the texts of cmd and of those below it to pages: each has the exit statuses, and
// none the date a second time.
func forPages(cmd *cobra.Command) {
	cmd.DisableAutoGenTag = true
	if !strings.Contains(cmd.Long, "Exit status:") {
		cmd.Long = cmp.Or(cmd.Long, cmd.Short+".") + "\n\n" + exitStatuses
	}
	for _, child := range cmd.Commands() {
		forPages(child)
	}
}

// completeValues has shells complete the values of flags that take one of a few.
func completeValues(cmd *cobra.Command) {
	values := map[string][]string{
		"log-level":           {"debug", "info", "warn", "error"},
		"log-format":          {"text", "json"},
		"queue-mode":          {queue.ModeSingle, queue.ModeSentinel, queue.ModeCluster},
		"queue-blobs":         {queue.BlobsAuto, queue.BlobsRedis, queue.BlobsFS, queue.BlobsS3},
		"queue-s3-path-style": {"auto", "path", "virtual"},
		"imaging-engine":      engine.Names(),
		"imaging-looks":       {"1", "2", "3"},
		"strokes":             {strokesSparse},
	}
	for _, o := range option.Table() {
		if len(o.Values) > 0 && o.Kind != option.Switch {
			values[pictureFlag(o.Name)] = o.Values
		}
	}
	for flag, values := range values {
		if cmd.LocalFlags().Lookup(flag) != nil { // those below have it from here
			cobra.CheckErr(cmd.RegisterFlagCompletionFunc(flag,
				cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)))
		}
	}
	for _, child := range cmd.Commands() {
		completeValues(child)
	}
}
