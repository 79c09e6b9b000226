// Package top watches a server: its queue, the running jobs, rates, slots and latencies.
package top

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/gdamore/tcell/v3"
	"github.com/gdamore/tcell/v3/color"

	"bgremove/app"
	"bgremove/app/connect"
	"bgremove/app/settings"
	"bgremove/terminal"
)

// ShortestInterval keeps a view from being the server's main load.
const ShortestInterval = 100 * time.Millisecond

// New connects to a server. addresses are those of further metrics, whose path may be left out; one
// that is none is an app.UsageError. Close the Watcher.
func New(ctx context.Context, server connect.Server, addresses []string) (w *Watcher, err error) {
	w = &Watcher{address: server.Name(), http: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute,
		TLSClientConfig: &tls.Config{RootCAs: server.Roots, MinVersion: tls.VersionTLS12},
	}}}
	for _, address := range addresses {
		u, err := url.Parse(address)
		if err != nil { // its text may have a password
			return nil, app.Usagef("--metrics: must be like http://predict:5001, is no address")
		}
		if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return nil, app.Usagef("--metrics: must be like http://predict:5001, is %q",
				settings.RedactURL(address))
		}
		if u.Path == "" || u.Path == "/" {
			u.Path = "/metrics"
		}
		w.metrics = append(w.metrics, u.String())
	}
	w.client, err = server.Connect(ctx, -1, nil) // the next try is the next interval
	return w, err
}

// Close closes idle connections.
func (w *Watcher) Close() {
	w.client.Close()
	w.http.CloseIdleConnections()
}

// Once prints the figures of one interval, as text or as a JSON object. It looks twice, as rates
// need.
func (w *Watcher) Once(ctx context.Context, out io.Writer, every time.Duration, asJSON bool) error {
	first := w.look(ctx)
	if first.err != nil {
		return first.err
	}
	select {
	case <-time.After(every):
	case <-ctx.Done():
		return ctx.Err()
	}
	second := w.look(ctx)
	if second.err != nil {
		return second.err
	}
	f := figuresOf(w.address, []sample{first, second})
	if asJSON {
		return terminal.PrintJSON(out, f)
	}
	for _, l := range view(f) {
		if _, err := fmt.Fprintln(out, l.text); err != nil {
			return err
		}
	}
	return nil
}

// Watch draws on this process' terminal until a key or ctx ends it.
func (w *Watcher) Watch(ctx context.Context, every time.Duration) error {
	screen, err := tcell.NewTerminfoScreen(tcell.OptNegotiation(false),
		tcell.OptSanitizeContent(true))
	if err == nil {
		err = screen.Init()
	}
	if err != nil {
		return fmt.Errorf("this terminal cannot be drawn on, --once can do without: %w", err)
	}
	defer screen.Fini()
	return watch(ctx, screen, w, every)
}

// watch draws until a key or the context ends it. One look at the server is under way at most,
// and none when it returns.
func watch(ctx context.Context, screen tcell.Screen, w *Watcher, every time.Duration) error {
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
