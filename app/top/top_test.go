package top

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/gdamore/tcell/v3"

	"bgremove/app"
	"bgremove/client"
	"bgremove/queue"
)

const exposition = `# TYPE bgremove_queue_events_total counter
bgremove_queue_events_total{event="enqueued"} 10
bgremove_queue_events_total{event="failed"} 1
# TYPE bgremove_predict_slots gauge
bgremove_predict_slots 2
# TYPE bgremove_predict_slots_in_use gauge
bgremove_predict_slots_in_use 1
# TYPE bgremove_predict_duration_seconds histogram
bgremove_predict_duration_seconds_bucket{le="0.1"} 5
bgremove_predict_duration_seconds_bucket{le="0.2"} 10
bgremove_predict_duration_seconds_bucket{le="+Inf"} 10
bgremove_predict_duration_seconds_sum 1
bgremove_predict_duration_seconds_count 10
`

func TestReadMetrics(t *testing.T) {
	m, err := readMetrics(strings.NewReader(exposition))
	if err != nil {
		t.Fatal(err)
	}
	both := figuresOf("", []sample{{metrics: []metrics{m, {}, m}}})
	if both.Gauges["bgremove_predict_slots"] != 4 || len(both.Latencies) != 1 ||
		both.Latencies[0].Count != 20 {
		t.Errorf("%+v", both)
	}
	if m.events["enqueued"] != 10 || m.gauges["bgremove_predict_slots"] != 2 ||
		m.times["bgremove_predict_duration_seconds"].count() != 10 {
		t.Errorf("it is %+v, or adding changed what was added", m)
	}
	if _, err := readMetrics(strings.NewReader("<html>")); err == nil ||
		!strings.Contains(err.Error(), "is not in the text format") {
		t.Errorf("%v", err)
	}
}

func TestTopQuantile(t *testing.T) {
	inf := math.Inf(1)
	for name, test := range map[string]struct {
		counts []float64 // cumulative, up to 1, 2 and without end
		q      float64
		want   float64
	}{
		"none":             {[]float64{0, 0, 0}, .5, math.NaN()},
		"first bucket":     {[]float64{10, 10, 10}, .5, .5},
		"second bucket":    {[]float64{0, 10, 10}, .5, 1.5},
		"between":          {[]float64{5, 10, 10}, .95, 1.9},
		"beyond":           {[]float64{0, 0, 10}, .5, 2},
		"an empty between": {[]float64{5, 5, 10}, .95, 2},
	} {
		got := histogram{[]float64{1, 2, inf}, test.counts}.quantile(test.q)
		if math.Abs(got-test.want) > 1e-9 || math.IsNaN(got) != math.IsNaN(test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// seen are the metrics of a process that has made so many cut-outs of less than
// a second, and of more.
func seen(enqueued, quick, slow float64) metrics {
	return metrics{
		events: map[string]float64{"enqueued": enqueued},
		gauges: map[string]float64{},
		times: map[string]histogram{"bgremove_predict_duration_seconds": {
			[]float64{1, math.Inf(1)}, []float64{quick, quick + slow},
		}},
	}
}

func TestFigures(t *testing.T) {
	begun := time.Now()
	look := func(after time.Duration, of ...metrics) sample {
		return sample{at: begun.Add(after), metrics: of}
	}
	away, idle := metrics{}, metrics{gauges: map[string]float64{}}
	newer := metrics{gauges: map[string]float64{}, times: map[string]histogram{
		"bgremove_predict_duration_seconds": {[]float64{math.Inf(1)}, []float64{50}},
	}}
	for name, test := range map[string]struct {
		past  []sample
		rate  float64 // less than 0 for none
		count float64
		since bool
	}{
		"work": {
			[]sample{look(0, seen(10, 5, 0)), look(2*time.Second, seen(30, 9, 0))}, 10, 4, false,
		},
		"idle": {
			[]sample{look(0, seen(10, 5, 0)), look(2*time.Second, seen(10, 5, 0))}, 0, 5, true,
		},
		"restarted": {
			[]sample{look(0, seen(10, 5, 0)), look(2*time.Second, seen(0, 1, 0))}, -1, 1, true,
		},
		"one look": {[]sample{look(0, seen(10, 5, 0))}, -1, 5, true},
		"two": {[]sample{look(0, seen(10, 5, 0), seen(10, 1, 0)), look(2*time.Second,
			seen(30, 9, 0), seen(30, 4, 0))}, 10, 7, false},
		"one appears": {[]sample{look(0, seen(10, 5, 0), away), look(2*time.Second,
			seen(30, 9, 0), seen(30, 1000, 0))}, 10, 4, false},
		"one goes": {[]sample{look(0, seen(10, 5, 0), seen(10, 3, 0)), look(2*time.Second,
			seen(30, 9, 0), away)}, 10, 4, false},
		"first goes": {[]sample{look(0, seen(10, 5, 0), seen(10, 3, 0)), look(2*time.Second,
			away, seen(30, 9, 0))}, 10, 6, false},
		"one restarted": {[]sample{look(0, seen(10, 5, 0), seen(10, 1000, 0)), look(2*time.Second,
			seen(30, 9, 0), seen(30, 2, 0))}, 10, 4, false},
		"restarted, more": {[]sample{look(0, seen(10, 5, 0), seen(10, 3, 0)), look(2*time.Second,
			seen(30, 9, 0), seen(30, 2, 90))}, 10, 4, false},
		"other version": {[]sample{look(0, seen(10, 5, 0), newer), look(2*time.Second,
			seen(30, 9, 0), seen(30, 500, 0))}, 10, 4, false},
		"its first ones": {[]sample{look(0, seen(10, 5, 0), idle), look(2*time.Second,
			seen(30, 9, 0), seen(30, 2, 0))}, 10, 6, false},
		"appears, idle": {[]sample{look(0, seen(10, 5, 0), away), look(2*time.Second,
			seen(10, 5, 0), seen(10, 7, 0))}, 0, 12, true},
	} {
		f := figuresOf("http://x", test.past)
		if rate, known := f.Rates["enqueued"]; known != (test.rate >= 0) ||
			known && rate != test.rate {
			t.Errorf("%s: rates %v, want %v", name, f.Rates, test.rate)
		}
		if l := f.Latencies; len(l) != 1 || l[0].Count != test.count || l[0].Since != test.since {
			t.Errorf("%s: %+v", name, l)
		}
	}
	var past []sample
	for i := range 100 {
		past = within30s(append(past, look(time.Duration(i)*time.Second)))
	}
	if len(past) != 31 || past[30].at.Sub(past[0].at) != window {
		t.Errorf("%d samples of %v are kept", len(past), past[len(past)-1].at.Sub(past[0].at))
	}
}

func TestTopView(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	f := figures{
		Server: "http://cut", At: at, Window: 30,
		Queue: client.Queue{
			Queued: map[string]int{"interactive": 1, "normal": 20, "bulk": 300}, Behind: 7,
			Retrying: 2, Running: 3, Dead: 4, OldestAge: 75, Rate: 1.25, MaxDepth: 500,
		},
		Rates: map[string]float64{"enqueued": 2, "succeeded": 1, "failed": .5, "expired": .25},
		Gauges: map[string]float64{
			"bgremove_batch_workers": 4, "bgremove_batch_running": 3, "bgremove_predict_slots": 2,
			"bgremove_predict_slots_in_use": 2, "bgremove_predict_waiting": 1,
		},
		Latencies: []latency{
			{"cut-out", 12, .0501, 61, false}, {"whole job", 3, 4000, 90000, true},
		},
		Notes: []string{"http://predict/metrics: \x1b[2J"},
		running: []client.Job{{
			ID: "a1", State: client.Running, Priority: "bulk", CreatedAt: at.Add(-time.Minute),
			StartedAt: at.Add(-1500 * time.Millisecond), Attempt: 1,
			MaxAttempts: 3, Input: client.Input{Width: 4, Height: 3},
			Timeline: []client.Event{{Event: "running", Worker: "w1"}},
		}},
		fault: errors.New("connection refused"),
	}
	var b strings.Builder
	for _, l := range view(f) {
		b.WriteString(l.text + "\n")
	}
	const want = `bgremove http://cut   03:04:05
no newer figures: connection refused

queued    interactive 1   normal 20   bulk 300   of 500 that may wait
          behind 7   retrying 2   the next waits for 1m15s
jobs      running 3   ended 1.2/s
dead      4
rates     enqueued 2.0/s   done 1.0/s   failed 0.8/s   rejected 0.0/s   over 30 s
workers   3 of 4 busy
slots     2 of 2 in use, 1 wait for one

LATENCY    P50    P95    OF
cut-out    50ms   1m01s  12
whole job  1h06m  1d01h  3   since the start

RUNNING  FOR   AGE    PRIORITY  SIZE  ATTEMPT  WORKER
a1       1.5s  1m00s  bulk      4×3   1 of 3   w1
and 2 more

http://predict/metrics: ?[2J
`
	if b.String() != want {
		t.Errorf("%s\nwant\n%s", b.String(), want)
	}
	if lines := view(figures{Server: "http://cut"}); len(lines) != 1 ||
		!strings.Contains(lines[0].text, "waiting for the first answer") {
		t.Errorf("before the first answer: %+v", lines)
	}
}

// onScreen is a screen on a terminal of its own, with its keyboard and what is shown; back gives
// the terminal back and is all that was shown.
func onScreen(
	t *testing.T,
) (screen tcell.Screen, keyboard *os.File, shown *output, back func() string) {
	t.Helper()
	t.Setenv("TERM", "xterm")
	keyboard, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(terminal, &pty.Winsize{Rows: 40, Cols: 120}); err != nil {
		t.Fatal(err)
	}
	shown = &output{more: make(chan struct{}, 1)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(shown, keyboard) // until the other side is closed
	}()
	tty, err := tcell.NewDevTtyFromDev(terminal.Name())
	if err != nil {
		t.Fatal(err)
	}
	screen, err = tcell.NewTerminfoScreenFromTty(tty, tcell.OptNegotiation(false),
		tcell.OptSanitizeContent(true))
	if err == nil {
		err = screen.Init()
	}
	if err != nil {
		t.Fatal(err)
	}
	return screen, keyboard, shown, func() string {
		screen.Fini()
		_ = terminal.Close()
		<-read
		_ = keyboard.Close()
		return shown.String()
	}
}

// serveAll runs a whole service in this process until the test ends, and returns its address.
func serveAll(t *testing.T) string {
	t.Helper()
	cfg := app.DefaultConfig()
	cfg.Proxy.Addr, cfg.Predict.Addr, cfg.Queue.Ephemeral = "127.0.0.1:0", "127.0.0.1:0", true
	queue.LogTo(slog.New(slog.DiscardHandler))
	s, err := app.New(t.Context(), app.All, cfg, app.Program{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s.URL("proxy")
}

// output is what was written so far.
type output struct {
	more chan struct{} // gets one after each write, unless it holds one
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// A real server's figures are on the terminal until a key ends it.
func TestWatch(t *testing.T) {
	proxy := serveAll(t)
	c, err := client.New(client.Config{Server: proxy})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	screen, keyboard, shown, back := onScreen(t)
	ended := make(chan error, 1)
	go func() {
		ended <- watch(t.Context(), screen,
			&Watcher{client: c, address: proxy}, 20*time.Millisecond)
	}()
	press := func(key, until string) {
		if _, err := keyboard.WriteString(key); err != nil {
			t.Error(err)
		}
		for end := time.Now().Add(30 * time.Second); !strings.Contains(shown.String(), until); {
			if time.Now().After(end) {
				t.Fatalf("waited in vain for %q on the terminal", until)
			}
			<-shown.more
		}
	}
	press("", "slots") // a word: what is the same as before is skipped, blanks too
	press("p", "PAUSED")
	press("q", "")
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if text := back(); !strings.Contains(text, "\x1b[?1049l") {
		t.Errorf("the terminal is not given back: %q", text[max(0, len(text)-200):])
	}
}

func TestTopColours(t *testing.T) {
	coloured := regexp.MustCompile(`\x1b\[([0-9]+[;:])*(3[0-8]|9[0-7])[;:m]`)
	for _, none := range []string{"", "1"} {
		t.Setenv("NO_COLOR", none)
		screen, _, _, back := onScreen(t)
		drawFigures(screen, figures{At: time.Now(), Queue: client.Queue{Dead: 7}},
			"http://cut", false)
		text := back()
		if !strings.Contains(text, "dead") || coloured.MatchString(text) == (none != "") {
			t.Errorf("NO_COLOR=%s: %q", none, text)
		}
	}
}
