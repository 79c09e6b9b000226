package apikey

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// fileWith is a file of keys.
func fileWith(t testing.TB, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.txt")
	write(t, path, lines...)
	return path
}

func write(t testing.TB, path string, lines ...string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
}

// many are n keys with their secrets.
func many(t testing.TB, n int) (keys *Keys, secrets []string) {
	t.Helper()
	lines := make([]string, n)
	for i := range n {
		secret, k, err := New(fmt.Sprintf("key-%d", i), i)
		if err != nil {
			t.Fatal(err)
		}
		lines[i], secrets = k.Line(), append(secrets, secret)
	}
	keys, err := Load(fileWith(t, lines...), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return keys, secrets
}

func TestFind(t *testing.T) {
	keys, secrets := many(t, 20)
	for i, secret := range secrets {
		if k, ok := keys.Find(secret); !ok || k.Name != fmt.Sprintf("key-%d", i) ||
			k.MegapixelsPerMinute != i {
			t.Errorf("key %d: found %q, %v", i, k.Name, ok)
		}
	}
	first := secrets[0]
	for _, wrong := range []string{
		"", "bgr_", first[:len(first)-1], first + "0", strings.ToUpper(first), " " + first,
		sum(first), strings.Repeat("x", 1<<16),
	} {
		if k, ok := keys.Find(wrong); ok {
			t.Errorf("%.80q is the key of %s", wrong, k.Name)
		}
	}
}

// A search compares with every key, wherever the right one is and whether there is one.
func TestFindComparesAll(t *testing.T) {
	keys := make([]Key, 50)
	for i := range keys {
		keys[i].sum = sha256.Sum256([]byte{byte(i)})
	}
	for _, want := range []int{0, 25, 49, -1} {
		compared := 0
		equal := func(a, b []byte) int { compared++; return subtle.ConstantTimeCompare(a, b) }
		wanted := sha256.Sum256([]byte{byte(want)})
		if got := find(keys, wanted, equal); got != want || compared != len(keys) {
			t.Errorf("found %d after %d comparisons, want %d after %d",
				got, compared, want, len(keys))
		}
	}
}

// The time of a search does not tell where in the list a key is, whether there is one, nor how much
// of it is right. The bound is wide enough for a busy machine, and still far below what a search
// that ends early, or a comparison that does, would show.
func TestFindTime(t *testing.T) {
	keys, secrets := many(t, 500)
	last := secrets[len(secrets)-1]
	presented := []string{
		secrets[0], last, strings.Repeat("x", len(last)), last[:len(last)-1] + "x",
	}
	medians := make([]time.Duration, len(presented))
	for range 5 { // a pause of the machine in one round is none in all
		for i, took := range timesOf(keys, presented) {
			if medians[i] == 0 || took < medians[i] {
				medians[i] = took
			}
		}
	}
	t.Logf("the first key %v, the last %v, a wrong one %v, one with a wrong last digit %v",
		medians[0], medians[1], medians[2], medians[3])
	if shortest, longest := slices.Min(medians), slices.Max(medians); longest > 2*shortest {
		t.Errorf("a search takes from %v to %v", shortest, longest)
	}
}

// timesOf are the medians of searches for each of the texts, in turns.
func timesOf(keys *Keys, presented []string) []time.Duration {
	times := make([][]time.Duration, len(presented))
	for range 101 {
		for i, text := range presented {
			start := time.Now()
			keys.Find(text)
			times[i] = append(times[i], time.Since(start))
		}
	}
	medians := make([]time.Duration, len(presented))
	for i := range times {
		slices.Sort(times[i])
		medians[i] = times[i][len(times[i])/2]
	}
	return medians
}

func BenchmarkFind(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		keys, secrets := many(b, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				keys.Find(secrets[0])
			}
		})
	}
}

// syncBuffer is a log that a test reads while it is written.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func TestWatch(t *testing.T) {
	path := fileWith(t, "old:"+sum("old key"))
	var log syncBuffer
	keys, err := Load(path, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { keys.Watch(ctx) })
	defer watching.Wait()
	defer stop()
	known := func(secret string) bool { _, ok := keys.Find(secret); return ok }

	write(t, path, "new:"+sum("new key"), "ci:"+sum("ci key")+":5")
	eventually(t, "the new keys", func() bool { return known("new key") })
	if known("old key") {
		t.Error("a key that was taken out is still known")
	}
	write(t, path, "ci:"+sum("ci key"), "broken")
	eventually(t, "word of the bad file",
		func() bool { return strings.Contains(log.String(), "level=ERROR") })
	if !known("new key") || !known("ci key") {
		t.Error("a bad file took keys away")
	}
	if text := log.String(); !strings.Contains(text, path+":2: must be name:sha256") ||
		strings.Contains(text, sum("ci key")) {
		t.Errorf("log: %s", text)
	}
	write(t, path)
	eventually(t, "the empty file", func() bool { return !known("new key") && !known("ci key") })
	if !strings.Contains(log.String(), "every request is refused") {
		t.Errorf("log: %s", log.String())
	}
}

func eventually(t *testing.T, what string, there func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for !there() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited 20 s for %s", what)
		}
	}
}

func TestLoadFails(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	if _, err := Load(filepath.Join(t.TempDir(), "none"), log); !os.IsNotExist(err) {
		t.Errorf("no file: %v", err)
	}
	if _, err := Load(fileWith(t, "x", "a:"+sum("a"), "y"), log); err == nil ||
		strings.Count(err.Error(), "must be name:sha256") != 2 {
		t.Errorf("two faults: %v", err)
	}
}
