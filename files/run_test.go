package files

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"bgremove/imaging/picture"

	"github.com/creack/pty"
)

// A note has a line of its own, whatever the bar does meanwhile.
func TestNotesBesideTheBar(t *testing.T) {
	t.Setenv("TERM", "xterm")
	keyboard, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	var shown bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&shown, keyboard) // until the other side is closed
	}()
	const n = 200
	r := newReport(Options{Out: "out", Stderr: terminal})
	r.begin(n)
	var noted sync.WaitGroup
	noted.Go(func() {
		for range n {
			r.note("a note")
		}
	})
	for range n {
		r.add(outcome{State: stateDone})
	}
	noted.Wait()
	r.quiet()
	_ = terminal.Close()
	<-read
	_ = keyboard.Close()
	lines := strings.Count(shown.String(), "\ra note\r\n") + strings.Count(shown.String(),
		"\na note\r\n")
	if lines != n {
		t.Errorf("%d of %d notes are lines of their own: %.400q", lines, n, shown.String())
	}
}

// A plan of a folder that files come to and leave holds what is there.
func TestPlanForgets(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("stays.png", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p := &plan{taken: map[string]string{"out/stays": "stays.png"}, inputs: map[string]bool{}}
	for i := range 5000 {
		p.taken[fmt.Sprint("out/", i)] = fmt.Sprint("gone", i)
		p.inputs[fmt.Sprint("gone", i)] = true
		if p.forget(); len(p.taken) > 1100 || len(p.inputs) > 1100 || p.taken["out/stays"] == "" {
			t.Fatalf("after %d files %d outputs and %d inputs are known, %v",
				i, len(p.taken), len(p.inputs), p.taken["out/stays"])
		}
	}
}

// A picture that is too large is not read to its end.
func TestReadTooLarge(t *testing.T) {
	limits := picture.Limits{MaxBytes: 1 << 20, MaxPixels: 1000}
	scene, err := os.ReadFile("../testdata/scene.png")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, message string
		size          int64
	}{
		{"bytes", "image too large: 1048577 bytes, the limit is 1048576", 1<<20 + 1},
		{"pixels", "pixels, the limit is 1000", 200_000},
	} {
		rest := bytes.NewReader(append(scene, make([]byte, 200_000)...))
		_, err := readPicture(rest, test.size, limits)
		if err == nil || !strings.Contains(err.Error(), test.message) {
			t.Errorf("%s: %v", test.name, err)
		}
		if rest.Len() < 100_000 {
			t.Errorf("%s: only %d bytes were left unread", test.name, rest.Len())
		}
	}
}
