package cmd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/gdamore/tcell/v3"
	"github.com/gdamore/tcell/v3/color"
	"github.com/spf13/cobra"

	"bgremove/app/settings"
	"bgremove/terminal"
)

// shortestInterval keeps a view from being the server's main load.
const shortestInterval = 100 * time.Millisecond

func newTopCmd() *cobra.Command {
	var metrics []string
	var every time.Duration
	var once bool
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Watch the queue, the running jobs and the latencies",
		Long: `Watch the queue, the running jobs, rates, slots and latencies. Keys: q quits, p pauses. With --once or --json, and where the output is
no terminal, the figures of one interval are printed.

Rates, slots and latencies come from /metrics of the server, where that lets this key in. Where predictors and workers are processes of
their own, name theirs with --metrics; each process once, as figures are added up. The key is not sent to them. NO_COLOR is heeded.`,
		Example: `  bgremove jobs top
  bgremove jobs top --metrics http://predict:5001 --metrics http://batch:5002
  bgremove jobs top --once --json | jq .queue.running`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if every < shortestInterval {
				return usageError{fmt.Errorf("--interval: must be at least %s, is %s", terminal.Duration(shortestInterval), terminal.Duration(every))}
			}
			addresses, err := metricsAddresses(metrics)
			if err != nil {
				return err
			}
			c, err := connect(cmd, -1) // the next try is the next interval
			if err != nil {
				return err
			}
			defer c.Close()
			roots, err := serverRoots(cmd)
			if err != nil {
				return err
			}
			others := &http.Client{Transport: &http.Transport{
				MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			}}
			defer others.CloseIdleConnections()
			w := &watcher{client: c, address: shownAddress(cmd), metrics: addresses, http: others}
			if once || wantsJSON(cmd) || !terminal.Attached(cmd.OutOrStdout()) || os.Getenv("TERM") == "" {
				return serverFault(cmd, printOnce(cmd, w, every))
			}
			screen, err := tcell.NewTerminfoScreen(tcell.OptNegotiation(false), tcell.OptSanitizeContent(true))
			if err == nil {
				err = screen.Init()
			}
			if err != nil {
				return fmt.Errorf("this terminal cannot be drawn on, --once can do without: %w", err)
			}
			defer screen.Fini()
			return watch(cmd.Context(), screen, w, every)
		},
	}
	cmd.Flags().StringArrayVar(&metrics, "metrics", nil, "address of a predictor's or batch process' server, as in http://predict:5001; may be given several times")
	cmd.Flags().DurationVar(&every, "interval", time.Second, "time between two looks")
	cmd.Flags().BoolVar(&once, "once", false, "print the figures of one interval and end")
	return cmd
}

// metricsAddresses are the addresses that --metrics names, with the path that it may leave out.
func metricsAddresses(given []string) ([]string, error) {
	out := make([]string, len(given))
	for i, address := range given {
		u, err := url.Parse(address)
		if err != nil { // its text may have a password
			return nil, usageError{errors.New("--metrics: must be like http://predict:5001, is no address")}
		}
		if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return nil, usageError{fmt.Errorf("--metrics: must be like http://predict:5001, is %q", settings.RedactURL(address))}
		}
		if u.Path == "" || u.Path == "/" {
			u.Path = "/metrics"
		}
		out[i] = u.String()
	}
	return out, nil
}

// printOnce looks twice, an interval apart, as rates need.
func printOnce(cmd *cobra.Command, w *watcher, every time.Duration) error {
	first := w.look(cmd.Context())
	if first.err != nil {
		return first.err
	}
	timer := time.NewTimer(every)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-cmd.Context().Done():
		return cmd.Context().Err()
	}
	second := w.look(cmd.Context())
	if second.err != nil {
		return second.err
	}
	f := figuresOf(w.address, []sample{first, second})
	if wantsJSON(cmd) {
		return terminal.PrintJSON(cmd.OutOrStdout(), f)
	}
	for _, l := range view(f) {
		if _, err := fmt.Fprintln(cmd.OutOrStdout(), l.text); err != nil {
			return err
		}
	}
	return nil
}

// watch draws until a key or the context ends it. One look at the server is under way at most, and none when it returns.
func watch(ctx context.Context, screen tcell.Screen, w *watcher, every time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	looks := make(chan sample)
	looking, paused := false, false
	look := func() {
		if looking || paused {
			return
		}
		looking = true
		go func() { looks <- w.look(ctx) }()
	}
	defer func() {
		cancel()
		if looking {
			<-looks
		}
	}()
	tick := time.NewTicker(every)
	defer tick.Stop()
	var past []sample
	var now figures
	look()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			look()
		case s := <-looks:
			looking = false
			if now.fault = s.err; s.err == nil {
				past = within30s(append(past, s))
				now = figuresOf(w.address, past)
			}
		case event, open := <-screen.EventQ():
			if !open {
				return errors.New("the terminal is gone")
			}
			switch e := event.(type) {
			case *tcell.EventResize:
				screen.Sync()
			case *tcell.EventKey:
				switch {
				case e.Key() == tcell.KeyCtrlC, e.Str() == "q":
					return nil
				case e.Str() == "p":
					paused = !paused
				}
			}
		}
		drawFigures(screen, now, w.address, paused)
	}
}

// drawFigures shows as many lines as there is room for; the screen cuts them off at its right edge.
func drawFigures(screen tcell.Screen, f figures, address string, paused bool) {
	screen.Clear()
	f.Server = address
	lines := view(f)
	if paused {
		lines[0].text += "   PAUSED   q quit, p go on"
	} else {
		lines[0].text += "   q quit, p pause"
	}
	_, height := screen.Size()
	for y, l := range lines[:min(len(lines), height)] {
		style := tcell.StyleDefault.Bold(l.heading)
		if l.bad {
			style = style.Foreground(color.Red)
		}
		screen.PutStrStyled(0, y, l.text, style)
	}
	screen.Show()
}
