package submit

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func open(t *testing.T, dir, purpose string) *Journal {
	t.Helper()
	j, err := OpenJournal(dir, "options", purpose)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func look(t *testing.T, j *Journal, in string) entry {
	t.Helper()
	e, err := j.entry(in, "a/photo")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// What was written is known to the next run, half a last line does not harm it, and a file that
// has changed is another.
func TestJournal(t *testing.T) {
	dir, in := filepath.Join(t.TempDir(), "out"), filepath.Join(t.TempDir(), "photo.jpg")
	write(t, in, "picture")
	j := open(t, dir, "a server")
	e := look(t, j, in)
	if e.Job != "" {
		t.Errorf("a new journal knows %+v", e)
	}
	if _, err := OpenJournal(dir, "options", "another server"); !errors.Is(err, ErrInUse) {
		t.Errorf("a second run in the same folder: %v, want ErrInUse", err)
	}
	key := j.key(e)
	must(t, j.queued(&e, "job1"))
	must(t, j.Close(false))

	f, err := os.OpenFile(filepath.Join(dir, JournalName), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString(`{"file":"b/oth`)
	must(t, err)
	must(t, f.Close())
	j = open(t, dir, "a server")
	if e = look(t, j, in); e.Job != "job1" || j.key(e) != key {
		t.Errorf("after a crash: %+v", e)
	}
	must(t, j.lose(&e))
	must(t, j.Close(false))

	j = open(t, dir, "a server")
	if e = look(t, j, in); e.Job != "" || e.Lost != 1 || j.key(e) == key {
		t.Errorf("after a job that came to nothing: %+v", e)
	}
	must(t, j.queued(&e, "job2"))
	other := filepath.Join(t.TempDir(), "photo.jpg")
	must(t, os.Link(in, other)) // of the same size and time
	if e = look(t, j, other); e.Job != "" {
		t.Errorf("a picture of another folder: %+v", e)
	}
	write(t, in, "another")
	if e = look(t, j, in); e.Job != "" {
		t.Errorf("another picture: %+v", e)
	}
	must(t, j.Close(false))

	j = open(t, dir, "another server")
	if e = look(t, j, in); e.Job != "" || j.key(e) == key {
		t.Errorf("another server: %+v", e)
	}
	must(t, j.Close(true))
	if _, err := os.Stat(filepath.Join(dir, JournalName)); !os.IsNotExist(err) {
		t.Errorf("the journal of a run that is done: %v", err)
	}
}

// Which options a file was sent with last is known until all is done, whatever
// was asked for in between.
func TestJournalOptions(t *testing.T) {
	dir, in := filepath.Join(t.TempDir(), "out"), filepath.Join(t.TempDir(), "photo.jpg")
	write(t, in, "picture")
	for _, run := range []struct {
		options, sends string
		otherwise      []string
	}{
		{"green", "a", nil},
		{"green", "b", nil},
		{"yellow", "c", []string{"a", "b"}},
		{"yellow", "b", []string{"a"}},
		{"green", "d", []string{"b", "c"}},
	} {
		j, err := OpenJournal(dir, run.options, "a server and "+run.options)
		must(t, err)
		e, err := j.entry(in, run.sends)
		must(t, err)
		must(t, j.queued(&e, "job"))
		var got []string
		for _, place := range []string{"a", "b", "c", "d", "e"} {
			if j.MadeOtherwise(place) {
				got = append(got, place)
			}
		}
		if !slices.Equal(got, run.otherwise) {
			t.Errorf("%+v: made otherwise are %q", run, got)
		}
		if e, err = j.entry(in, "c"); err != nil || e.Job != "" && run.options == "green" {
			t.Errorf("%+v: the job of other options is %q, %v", run, e.Job, err)
		}
		must(t, j.Close(false))
	}
	j, err := OpenJournal(dir, "green", "another server")
	must(t, err)
	if j.MadeOtherwise("a") || !j.MadeOtherwise("c") {
		t.Error("another server changes what the options were")
	}
	must(t, j.Close(true))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o600))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
