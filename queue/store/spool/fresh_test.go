package spool

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// wantHeld fails the test unless so many bytes are in memory.
func wantHeld(t *testing.T, s *Spool, want int64) {
	t.Helper()
	if held := s.opts.Hold - s.fresh.room; held != want {
		t.Errorf("%d bytes are held, want %d", held, want)
	}
}

// accepted has a job of eight bytes written and held, and damages its file: who reads it shows.
func accepted(t *testing.T, s *Spool, id string) {
	t.Helper()
	must(t, s.Accept(id, File{
		About: []byte("about"), Options: "opts",
		Image: []byte("pict"), Expires: inAnHour(), Hold: true,
	}))
	spoil(t, s, jobs, id, func(data []byte) []byte { return data[:len(data)-1] })
}

func TestHeldJobIsNotRead(t *testing.T) {
	s := openIn(t, t.TempDir(), Options{Hold: 20})
	accepted(t, s, "first")
	accepted(t, s, "second")
	accepted(t, s, "third") // beyond the bound
	wantHeld(t, s, 16)
	for _, id := range []string{"first", "second"} {
		for range 2 {
			if got, err := s.Options(id); err != nil || got != "opts" {
				t.Errorf("%s: options are %q, %v", id, got, err)
			}
		}
		if got, err := s.Job(id); err != nil || string(got) != "pict" {
			t.Errorf("%s: image is %q, %v", id, got, err)
		}
		if _, err := s.Job(id); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: is still held after it was handed over: %v", id, err)
		}
	}
	wantHeld(t, s, 0)
	if _, err := s.Job("third"); !errors.Is(err, ErrCorrupt) {
		t.Errorf("more is held than may be: %v", err)
	}
	accepted(t, s, "fourth") // there is room again
	wantHeld(t, s, 8)
}

// Options that had to be read bring their image along.
func TestJobIsReadOnce(t *testing.T) {
	s := openIn(t, t.TempDir(), Options{Hold: 100})
	must(t, s.Accept("id", File{Options: "opts", Image: []byte("pict"), Expires: inAnHour()}))
	if got, err := s.Options("id"); err != nil || got != "opts" {
		t.Errorf("options are %q, %v", got, err)
	}
	wantHeld(t, s, 8)
	spoil(t, s, jobs, "id", func([]byte) []byte { return nil })
	if got, err := s.Job("id"); err != nil || string(got) != "pict" {
		t.Errorf("image is %q, %v", got, err)
	}
}

func TestHeldResultIsNotRead(t *testing.T) {
	s := openIn(t, t.TempDir(), Options{Hold: 100})
	must(t, s.Finish("id", File{Image: []byte("cut-out"), Expires: inAnHour(), Hold: true}))
	spoil(t, s, results, "id", func([]byte) []byte { return nil })
	if got, err := s.Result("id"); err != nil || string(got) != "cut-out" {
		t.Errorf("result is %q, %v", got, err)
	}
	wantHeld(t, s, 0)
}

// Nothing is held longer than its file is there and valid, nor for long.
func TestHeldIsDropped(t *testing.T) {
	for name, end := range map[string]func(s *Spool) error{
		"job dropped": func(s *Spool) error {
			return errors.Join(s.DropJob("id"), s.DropResult("id"))
		},
		"job forgotten": func(s *Spool) error { return s.Forget("id") },
		"written anew": func(s *Spool) error {
			return errors.Join(s.Accept("id", File{Expires: inAnHour()}),
				s.Finish("id", File{Expires: inAnHour()}))
		},
		"expired": func(s *Spool) error {
			return errors.Join(s.Expires("id", time.Now()),
				s.Sweep(time.Now().Add(time.Second), time.Hour))
		},
		"unread for long": func(s *Spool) error {
			return s.Sweep(time.Now().Add(freshFor+time.Second), time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := openIn(t, t.TempDir(), Options{Hold: 100})
			accepted(t, s, "id")
			must(t, s.Finish("id", File{Image: []byte("cut-out"), Expires: inAnHour(), Hold: true}))
			wantHeld(t, s, 15)
			must(t, s.Sweep(time.Now(), time.Hour))
			wantHeld(t, s, 15)
			must(t, end(s))
			wantHeld(t, s, 0)
		})
	}
	s := openIn(t, t.TempDir(), Options{Hold: 100})
	accepted(t, s, "id")
	must(t, s.Touch("id", time.Now().Add(-time.Second)))
	if got, err := s.Job("id"); err == nil {
		t.Errorf("an expired job is %q", got)
	}
	must(t, s.Accept("long",
		File{Image: []byte(strings.Repeat("x", 101)), Expires: inAnHour(), Hold: true}))
	wantHeld(t, s, 8)
}
