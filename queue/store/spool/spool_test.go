package spool

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"bgremove/queue/store"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openIn(t *testing.T, dir string, opts Options) *Spool {
	t.Helper()
	s, err := Open(dir, opts, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func replayed(t *testing.T, s *Spool) map[string]Entry {
	t.Helper()
	found := map[string]Entry{}
	must(t, s.Replay(t.Context(), func(e Entry) error { found[e.ID] = e; return nil }))
	return found
}

func inAnHour() time.Time { return time.Now().Add(time.Hour) }

func TestJobs(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir, Options{Sync: true})
	for _, id := range []string{"done", "kept", "waits", "poison", "undone", "again"} {
		must(t, s.Accept(id, File{
			About: []byte("about " + id), Options: "options of " + id,
			Image: []byte("image of " + id), Expires: inAnHour(),
		}))
	}
	must(t, s.Finish("done",
		File{About: []byte("end of done"), Image: []byte("cut-out"), Expires: inAnHour()}))
	must(t, s.DropJob("done"))
	must(t, s.Finish("kept",
		File{About: []byte("end of kept"), Image: []byte("cut-out"), Expires: inAnHour()}))
	must(t, s.Begin("poison"))
	must(t, s.Begin("poison"))
	must(t, s.Begin("undone"))
	must(t, s.Undo("undone"))
	must(t, s.Begin("again"))
	must(t, s.End("again"))
	if got, err := s.Options("waits"); err != nil || got != "options of waits" {
		t.Errorf("options are %q, %v", got, err)
	}
	if got, err := s.Job("waits"); err != nil || string(got) != "image of waits" {
		t.Errorf("job is %q, %v", got, err)
	}
	must(t, s.Close())

	s = openIn(t, dir, Options{Sync: true})
	want := map[string]Entry{
		"done": {ID: "done", Result: []byte("end of done")},
		"kept": {
			ID: "kept", Result: []byte("end of kept"), About: []byte("about kept"), Size: 13,
		},
		"waits": {ID: "waits", About: []byte("about waits"), Size: 14},
		"poison": {
			ID: "poison", About: []byte("about poison"), Size: 15, Attempts: 2, Suspect: true,
		},
		"undone": {ID: "undone", About: []byte("about undone"), Size: 15},
		"again":  {ID: "again", About: []byte("about again"), Size: 14, Attempts: 1},
	}
	if got := replayed(t, s); !reflect.DeepEqual(got, want) {
		t.Errorf("replayed %+v\nwant %+v", got, want)
	}
	if got, err := s.Result("done"); err != nil || string(got) != "cut-out" {
		t.Errorf("result is %q, %v", got, err)
	}
	if _, err := s.Job("done"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a dropped job: %v", err)
	}
	must(t, s.Forget("kept"))
	if _, found := replayed(t, s)["kept"]; found {
		t.Error("a forgotten job is still there")
	}
}

func TestDamage(t *testing.T) {
	flip := func(at int) func(data []byte) []byte {
		return func(data []byte) []byte { data[(at+len(data))%len(data)] ^= 1; return data }
	}
	for name, damage := range map[string]func([]byte) []byte{
		"magic": flip(0), "length of the description": flip(4), "length of the image": flip(8),
		"length of the options": flip(15), "checksum": flip(16),
		"description": flip(21), "image": flip(-1),
		"empty":     func([]byte) []byte { return nil },
		"cut short": func(data []byte) []byte { return data[:len(data)-1] },
		"header":    func(data []byte) []byte { return data[:10] },
		"longer":    func(data []byte) []byte { return append(data, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openIn(t, dir, Options{})
			for _, id := range []string{"bad", "good", "result", "both"} {
				must(t, s.Accept(id, File{
					About: []byte("about"), Options: "options",
					Image: []byte("image"), Expires: inAnHour(),
				}))
			}
			must(t, s.Finish("result",
				File{About: []byte("about"), Image: []byte("image"), Expires: inAnHour()}))
			must(t, s.DropJob("result"))
			must(t, s.Finish("both",
				File{About: []byte("about"), Image: []byte("image"), Expires: inAnHour()}))
			for kind, id := range map[string]string{jobs: "bad", results: "result"} {
				spoil(t, s, kind, id, damage)
			}
			spoil(t, s, results, "both", damage)
			if _, err := s.Job("bad"); !errors.Is(err, ErrCorrupt) {
				t.Errorf("reading it: %v", err)
			}
			must(t, s.Close())

			s = openIn(t, dir, Options{})
			found := replayed(t, s)
			if !found["bad"].Damaged || !found["result"].Damaged || found["good"].Damaged ||
				found["both"].Damaged {
				t.Errorf("found %+v", found)
			}
			if both := found["both"]; both.About == nil || both.Result != nil {
				t.Errorf("a job whose result is damaged is not to be run again: %+v", both)
			}
			aside, err := os.ReadDir(filepath.Join(dir, "corrupt"))
			must(t, err)
			if len(aside) != 3 || s.Corrupt() != 3 {
				t.Errorf("%d files set aside, %d counted, want 3", len(aside), s.Corrupt())
			}
			if again := replayed(t, s); len(again) != 2 || s.Corrupt() != 3 {
				t.Errorf("a second replay finds %v", again)
			}
		})
	}
}

func spoil(t *testing.T, s *Spool, kind, id string, damage func([]byte) []byte) {
	t.Helper()
	path, err := s.path(kind, id)
	must(t, err)
	data, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, damage(data), 0o600))
	must(t, os.Chtimes(path, time.Time{}, inAnHour()))
}

func TestSecondProcess(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir, Options{})
	if _, err := Open(dir, Options{}, slog.New(slog.DiscardHandler)); err == nil ||
		!strings.Contains(err.Error(), "in use by another bgremove") {
		t.Errorf("error is %v", err)
	}
	must(t, s.Accept("id", File{Expires: inAnHour()})) // the first is unharmed
	must(t, s.Close())
	openIn(t, dir, Options{})
}

func TestOtherFilesStay(t *testing.T) {
	dir := t.TempDir()
	must(t, openIn(t, dir, Options{}).Close())
	must(t, os.MkdirAll(filepath.Join(dir, "photos"), 0o700))
	mine := []string{"photos/a.jpg", "job/a.jpg", "job/00/not-of-this-shard", "notes"}
	for _, f := range mine {
		must(t, os.WriteFile(filepath.Join(dir, f), []byte("mine"), 0o600))
		must(t, os.Chtimes(filepath.Join(dir, f), time.Time{}, inAnHour()))
	}
	must(t, os.WriteFile(filepath.Join(dir, "tmp", "job.half"), nil, 0o600))
	s := openIn(t, dir, Options{})
	if found := replayed(t, s); len(found) > 0 {
		t.Errorf("replayed %+v", found)
	}
	for _, f := range mine {
		if _, err := os.Stat(filepath.Join(dir, f)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "tmp", "job.half")); err == nil {
		t.Error("half a file is still there")
	}
}

func TestBadIDs(t *testing.T) {
	s := openIn(t, t.TempDir(), Options{})
	for _, id := range []string{
		"", ".", "..", "../LOCK", "a/b", "a.att", "a\x00", "a\nb", strings.Repeat("x", 65),
	} {
		if err := s.Accept(id, File{Expires: inAnHour()}); err == nil {
			t.Errorf("id %q was accepted", id)
		}
		if _, err := s.Result(id); err == nil {
			t.Errorf("id %q was opened", id)
		}
	}
}

func TestSweepAndGone(t *testing.T) {
	s := openIn(t, t.TempDir(), Options{})
	now := time.Now()
	must(t, s.Accept("old", File{Expires: now.Add(-time.Second)}))
	must(t, s.Begin("old"))
	must(t, s.Finish("ended", File{Expires: now.Add(-time.Second)}))
	must(t, s.Finish("fresh", File{Expires: now.Add(time.Hour)}))
	if _, err := s.Result("ended"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an expired result is read: %v", err)
	}
	must(t, s.Sweep(now, 24*time.Hour))
	if found := replayed(t, s); len(found) != 1 || found["fresh"].Result == nil {
		t.Errorf("left are %+v", found)
	}
	remembered := func(s *Spool, ids ...string) {
		t.Helper()
		for _, id := range []string{"old", "ended", "fresh", "never"} {
			if got := s.Remembers(id); got != slices.Contains(ids, id) {
				t.Errorf("%s is remembered: %v", id, got)
			}
		}
	}
	remembered(s, "old", "ended", "fresh")
	must(t, s.RecallGone()) // as at a start
	remembered(s, "old", "ended", "fresh")
	must(t, s.Sweep(now.Add(49*time.Hour), 24*time.Hour))
	remembered(s, "fresh")
	torn := filepath.Join(s.root, "gone", now.UTC().Format(dateFormat))
	must(t, os.WriteFile(torn, append([]byte("whole\n"), make([]byte, 1<<20)...), 0o600))
	must(t, s.RecallGone())
	if !s.Remembers("whole") {
		t.Error("what comes before the torn part is not read")
	}
}

// A note is read while its result is there, and only then.
func TestNotes(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir, Options{Sync: true})
	if err := s.Note("none", []byte("x")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a note of nothing: %v", err)
	}
	for _, id := range []string{"noted", "damaged", "dropped", "forgotten", "expired"} {
		must(t, s.Finish(id, File{About: []byte("about " + id), Expires: inAnHour()}))
		must(t, s.Note(id, []byte("first note")))
		must(t, s.Note(id, []byte("note of "+id)))
	}
	must(t, s.DropResult("dropped"))
	must(t, s.Forget("forgotten"))
	must(t, s.Finish("expired", File{Expires: time.Now().Add(-time.Second)}))
	must(t, s.Sweep(time.Now(), time.Hour))
	path, err := s.path(results, "damaged")
	must(t, err)
	must(t, os.WriteFile(path+note, []byte("BGJ1"), 0o600))
	orphan, err := s.path(results, "orphan")
	must(t, err)
	must(t, s.write(orphan+note, File{About: []byte("x"), Expires: inAnHour()}))
	must(t, s.Close())

	s = openIn(t, dir, Options{Sync: true})
	want := map[string]Entry{
		"noted":   {ID: "noted", Result: []byte("about noted"), Note: []byte("note of noted")},
		"damaged": {ID: "damaged", Result: []byte("about damaged")},
	}
	if got := replayed(t, s); !reflect.DeepEqual(got, want) || s.Corrupt() != 1 {
		t.Errorf("replayed %+v\nwant %+v; %d damaged", got, want, s.Corrupt())
	}
	notes, err := filepath.Glob(filepath.Join(dir, "res", "*", "*"+note))
	if err != nil || len(notes) != 1 {
		t.Errorf("notes are %v, %v", notes, err)
	}
}

// A job never outlives its result: it would run again.
func TestSweepTakesTheJobFirst(t *testing.T) {
	s := openIn(t, t.TempDir(), Options{})
	now := time.Now()
	must(t, s.Accept("id", File{About: []byte("about"), Expires: now.Add(time.Hour)}))
	must(t, s.Finish("id", File{Expires: now.Add(-time.Second)}))
	must(t, s.Sweep(now, time.Hour))
	if found := replayed(t, s); len(found) > 0 {
		t.Errorf("left are %+v", found)
	}
}

// fullDisk fails as a disk does that is full.
type fullDisk struct {
	osDisk
	full bool
}

func (d *fullDisk) Create(path string) (file, error) {
	f, err := d.osDisk.Create(path)
	return failing{f, d}, err
}

type failing struct {
	file
	disk *fullDisk
}

func (f failing) Write(b []byte) (int, error) {
	if f.disk.full {
		n, _ := f.file.Write(b[:len(b)/2])
		return n, &os.PathError{Op: "write", Path: "secret/path", Err: syscall.ENOSPC}
	}
	return f.file.Write(b)
}

func TestFullDisk(t *testing.T) {
	dir, d := t.TempDir(), &fullDisk{}
	s, err := open(dir, Options{}, slog.New(slog.DiscardHandler), d)
	must(t, err)
	must(t, s.Accept("before", File{Image: []byte("image"), Expires: inAnHour()}))
	d.full = true
	err = s.Accept("refused", File{Image: []byte("image"), Expires: inAnHour()})
	if !errors.Is(err, store.ErrNoSpace) || strings.Contains(err.Error(), "secret") {
		t.Errorf("error is %v", err)
	}
	if err := s.Finish("before", File{Image: []byte("image"), Expires: inAnHour()}); !errors.Is(err,
		store.ErrNoSpace) {
		t.Errorf("error is %v", err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "tmp")); err != nil || len(left) > 0 {
		t.Errorf("half files are left: %v, %v", left, err)
	}
	if found := replayed(t, s); len(found) != 1 || found["before"].Result != nil {
		t.Errorf("left are %+v", found)
	}
	d.full = false
	must(t, s.Accept("refused", File{Image: []byte("image"), Expires: inAnHour()}))
	must(t, s.Close())
}

func TestReserve(t *testing.T) {
	s := openIn(t, t.TempDir(), Options{Reserve: 1 << 60})
	for _, err := range []error{s.CheckRoom(), s.Check()} {
		if !errors.Is(err, store.ErrNoSpace) ||
			!strings.Contains(err.Error(), "MiB, the reserve is 1099511627776 MiB") {
			t.Errorf("error is %v", err)
		}
	}
}
