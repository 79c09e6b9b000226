package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"bgremove/queue"
	"bgremove/terminal"
)

// What became of a check.
const (
	checkOK   = "ok"
	checkWarn = "warn"
	checkFail = "FAIL"
)

// checkLimit bounds each check, so that no part which hangs keeps the others from being looked at. What a check asks has answerLimit to
// answer, so that there is a moment left to tell.
const (
	checkLimit  = 5 * time.Second
	answerLimit = checkLimit - time.Second
)

// finding is a line of what doctor says.
type finding struct {
	Status string `json:"status"` // ok, warn or FAIL
	Name   string `json:"name"`
	Found  string `json:"found"`
	Advice string `json:"advice,omitempty"` // what to do; with warn and FAIL
}

func ok(name, format string, args ...any) finding {
	return finding{Status: checkOK, Name: name, Found: fmt.Sprintf(format, args...)}
}

func warn(name, found, advice string) finding { return finding{checkWarn, name, found, advice} }
func fail(name, found, advice string) finding { return finding{checkFail, name, found, advice} }

// check is one thing that doctor looks at.
type check struct {
	name string
	run  func(ctx context.Context) []finding
}

// doctor looks at what a part would meet with a configuration.
type doctor struct {
	settings *settings
	cfg      Config
	part     string // all, proxy, batch or predict

	redisAway atomic.Bool // a check that came too late may still set it
}

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
		ValidArgs: []string{"all", "proxy", "batch", "predict"},
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			settings, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			queue.LogTo(slog.New(slog.DiscardHandler)) // what matters comes back as errors
			d := &doctor{settings: settings, cfg: settings.Config, part: cmp.Or(strings.Join(args, ""), "all")}
			return d.examine(cmd.Context(), cmd.OutOrStdout(), asJSON)
		},
	}
	addConfigFlags(cmd)
	cmd.SetGlobalNormalizationFunc(shortFlags)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an object with a list of findings")
	return cmd
}

// checks are in the order in which they are made: a fault of the first may explain those of the others.
func (d *doctor) checks() []check {
	list := []check{{"configuration", d.configuration}, {"ports", d.ports}}
	switch {
	case d.part == "predict":
	case d.cfg.Queue.Embedded():
		list = append(list, check{"data folder", d.dataFolder}, check{"disk", d.disk})
	default:
		list = append(list, check{"redis", d.redis}, check{"images", d.images}, check{"disk", d.disk})
	}
	if d.predicts() {
		list = append(list, check{"engines", d.engines})
	}
	if d.usesPredictors() {
		list = append(list, check{"predictors", d.predictors})
	}
	if d.hasProxy() && d.cfg.Proxy.TLSCert != "" {
		list = append(list, check{"certificate", d.certificate})
	}
	return append(list, check{"memory", d.memory}, check{"cpu", d.cpu}, check{"clock", d.clock}, check{"open files", d.openFiles})
}

func (d *doctor) hasProxy() bool { return d.part == "all" || d.part == "proxy" }
func (d *doctor) predicts() bool { return d.part == "all" || d.part == "predict" }

// usesPredictors says that images go to other processes, or that somebody set up where they would.
func (d *doctor) usesPredictors() bool {
	return d.part == "batch" || d.part == "all" && d.cfg.Predict.URL != DefaultConfig().Predict.URL
}

// examine makes the checks and prints what they find, as text one by one. Its error says how many failed.
func (d *doctor) examine(ctx context.Context, w io.Writer, asJSON bool) error {
	var all []finding
	for _, c := range d.checks() {
		found := c.bounded(ctx, answerLimit, checkLimit)
		if ctx.Err() != nil { // what failed was ended
			return errors.New("interrupted")
		}
		for i := range found {
			found[i].Found, found[i].Advice = d.hide(found[i].Found), d.hide(found[i].Advice)
			if asJSON {
				continue
			}
			if err := found[i].print(w); err != nil {
				return err
			}
		}
		all = append(all, found...)
	}
	failed := count(all, checkFail)
	if err := d.conclude(w, asJSON, all); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %s failed", failed, terminal.Count(len(all), "finding"))
	}
	return nil
}

func (d *doctor) conclude(w io.Writer, asJSON bool, all []finding) error {
	failed, warned := count(all, checkFail), count(all, checkWarn)
	if !asJSON {
		_, err := fmt.Fprintf(w, "\nserve %s: %d ok, %d to look at, %d failed\n", d.part, len(all)-failed-warned, warned, failed)
		return err
	}
	return terminal.PrintObject(w, struct {
		Part     string    `json:"part"`
		OK       int       `json:"ok"`
		Warn     int       `json:"warn"`
		Fail     int       `json:"fail"`
		Findings []finding `json:"findings"`
	}{d.part, len(all) - failed - warned, warned, failed, all})
}

func count(all []finding, status string) (n int) {
	for _, f := range all {
		if f.Status == status {
			n++
		}
	}
	return n
}

func (f finding) print(w io.Writer) error {
	line := fmt.Sprintf("%-4s  %-18s  %s\n", f.Status, f.Name, terminal.Printable(oneLine(f.Found)))
	if f.Advice != "" {
		line += fmt.Sprintf("%26s→ %s\n", "", terminal.Printable(oneLine(f.Advice)))
	}
	_, err := io.WriteString(w, line)
	return err
}

func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }

// hide takes every secret of the configuration out of a text.
func (d *doctor) hide(text string) string {
	for _, k := range d.settings.keys {
		if secret, isText := k.field.(*string); isText && *secret != "" && strings.Contains(text, *secret) {
			text = k.hide(text)
		}
	}
	return text
}

// bounded runs the check, which has until answer to be told and until limit to end. One that does not end in time, as with a disk that
// hangs, is left to the end of the process.
func (c check) bounded(ctx context.Context, answer, limit time.Duration) []finding {
	heeded, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	found := make(chan []finding, 1)
	go func() { found <- c.run(heeded) }()
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case f := <-found:
		return f
	case <-ctx.Done():
		return nil
	case <-late.C:
		return []finding{fail(c.name, "no result within "+terminal.Duration(limit), "something that it uses hangs: a disk, a network file system or a server")}
	}
}

// reason is an error as a finding shows it.
func reason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer within " + terminal.Duration(answerLimit)
	}
	return err.Error()
}

// origins counts where settings come from, as in "3 from config.yaml, 1 from a variable".
func (s *settings) origins() string {
	counts := map[string]int{}
	for _, k := range s.keys {
		switch file, _, fromFile := strings.Cut(k.origin, ":"); {
		case k.origin == "default":
		case strings.HasPrefix(k.origin, "--"):
			counts["flags"]++
		case fromFile:
			counts[file]++
		default:
			counts["variables"]++
		}
	}
	var parts []string
	for from, n := range counts {
		parts = append(parts, fmt.Sprintf("%d from %s", n, from))
	}
	slices.Sort(parts)
	return cmp.Or(strings.Join(parts, ", "), "all by default")
}
