// Package doctor looks at what a part of the service would meet with a configuration, and says what
// to do about each fault.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"bgremove/app"
	"bgremove/app/settings"
	"bgremove/terminal"
)

// What became of a check.
const (
	checkOK   = "ok"
	checkWarn = "warn"
	checkFail = "FAIL"
)

// checkLimit bounds each check, so that no part which hangs keeps the others from being looked at.
// What a check asks has answerLimit to answer, so that there is a moment left to tell.
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
	settings *settings.Settings
	cfg      app.Config
	part     string // all, proxy, batch or predict

	redisAway atomic.Bool // a check that came too late may still set it
}

// Run makes the checks of a part (all, proxy, batch or predict) and prints what they find, as text
// one by one, or as a JSON object in the end. Its error says how many failed.
func Run(ctx context.Context, s *settings.Settings, part string, w io.Writer, asJSON bool) error {
	report := struct {
		Part     string    `json:"part"`
		OK       int       `json:"ok"`
		Warn     int       `json:"warn"`
		Fail     int       `json:"fail"`
		Findings []finding `json:"findings"`
	}{Part: part}
	counts := map[string]*int{checkOK: &report.OK, checkWarn: &report.Warn, checkFail: &report.Fail}
	for _, c := range (&doctor{settings: s, cfg: s.Config, part: part}).checks() {
		found := c.bounded(ctx, answerLimit, checkLimit)
		if ctx.Err() != nil { // what failed was ended
			return errors.New("interrupted")
		}
		for _, f := range found {
			f.Found, f.Advice = s.Hide(f.Found), s.Hide(f.Advice)
			report.Findings = append(report.Findings, f)
			*counts[f.Status]++
			if asJSON {
				continue
			}
			if err := f.print(w); err != nil {
				return err
			}
		}
	}
	var err error
	if asJSON {
		err = terminal.PrintObject(w, report)
	} else {
		_, err = fmt.Fprintf(w, "\nserve %s: %d ok, %d to look at, %d failed\n", part, report.OK,
			report.Warn, report.Fail)
	}
	if err == nil && report.Fail > 0 {
		err = fmt.Errorf("%d of %s failed",
			report.Fail, terminal.Count(len(report.Findings), "finding"))
	}
	return err
}

// checks are in the order in which they are made: a fault of the first may
// explain those of the others.
func (d *doctor) checks() []check {
	list := []check{{"configuration", d.configuration}, {"ports", d.ports}}
	switch {
	case d.part == "predict":
	case d.cfg.Queue.Embedded():
		list = append(list, check{"data folder", d.dataFolder}, check{"disk", d.disk})
	default:
		list = append(list, check{"redis", d.redis}, check{"images", d.images},
			check{"disk", d.disk})
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
	return append(list, check{"memory", d.memory}, check{"cpu", d.cpu}, check{"clock", d.clock},
		check{"open files", d.openFiles})
}

func (d *doctor) hasProxy() bool { return d.part == "all" || d.part == "proxy" }
func (d *doctor) predicts() bool { return d.part == "all" || d.part == "predict" }

// usesPredictors says that images go to other processes, or that somebody set up where they would.
func (d *doctor) usesPredictors() bool {
	return d.part == "batch" ||
		d.part == "all" && d.cfg.Predict.URL != app.DefaultConfig().Predict.URL
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

// bounded runs the check, which has until answer to be told and until limit to end. One that does
// not end in time, as with a disk that hangs, is left to the end of the process.
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
		return []finding{fail(c.name, "no result within "+terminal.Duration(limit),
			"something that it uses hangs: a disk, a network file system or a server")}
	}
}

// reason is an error as a finding shows it.
func reason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer within " + terminal.Duration(answerLimit)
	}
	return err.Error()
}
