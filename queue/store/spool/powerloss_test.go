package spool

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// forgetful is a disk that notes every change, and can say what may be left of them when the power
// fails: contents up to their last Sync and perhaps some bytes more, and of the names those of the
// last SyncDir and any of the changes since.
type forgetful struct {
	osDisk
	root   string
	log    []change
	inodes int            // made so far
	now    map[string]int // path → inode
}

// change is one step. What is not named by its kind is zero.
type change struct {
	kind     string // write, sync, name, unname, syncdir
	path     string // below root
	inode    int
	contents []byte
}

func (d *forgetful) note(c change) {
	c.path = strings.TrimPrefix(c.path, d.root+"/")
	d.log = append(d.log, c)
}

type forgetfulFile struct {
	file
	disk  *forgetful
	inode int
}

func (f forgetfulFile) Write(b []byte) (int, error) {
	f.disk.note(change{kind: "write", inode: f.inode, contents: bytes.Clone(b)})
	return f.file.Write(b)
}

func (f forgetfulFile) Sync() error {
	f.disk.note(change{kind: "sync", inode: f.inode})
	return nil // the machine that runs the test need not
}

func (d *forgetful) opened(path string, f file, err error) (file, error) {
	if err != nil {
		return nil, err
	}
	inode, ok := d.now[path]
	if !ok {
		d.inodes++
		inode = d.inodes
		d.now[path] = inode
		d.note(change{kind: "name", path: path, inode: inode})
	}
	return forgetfulFile{f, d, inode}, nil
}

func (d *forgetful) Create(path string) (file, error) {
	f, err := d.osDisk.Create(path)
	return d.opened(path, f, err)
}

func (d *forgetful) Append(path string) (file, error) {
	f, err := d.osDisk.Append(path)
	return d.opened(path, f, err)
}

func (d *forgetful) Rename(from, to string) error {
	d.now[to] = d.now[from]
	delete(d.now, from)
	d.note(change{kind: "unname", path: from})
	d.note(change{kind: "name", path: to, inode: d.now[to]})
	return d.osDisk.Rename(from, to)
}

func (d *forgetful) Remove(path string) error {
	if _, ok := d.now[path]; ok {
		delete(d.now, path)
		d.note(change{kind: "unname", path: path})
	}
	return d.osDisk.Remove(path)
}

func (d *forgetful) SyncDir(path string) error {
	d.note(change{kind: "syncdir", path: path})
	return nil
}

// left makes in dir, in place of what is there, what may be there after a power loss that came when
// n changes had been made.
func (d *forgetful) left(t *testing.T, dir string, n int, random *rand.Rand) {
	t.Helper()
	names, contents, synced := map[string]int{}, map[int][]byte{}, map[int]int{}
	var unsynced []change
	apply := func(c change) {
		if c.kind == "name" {
			names[c.path] = c.inode
		} else {
			delete(names, c.path)
		}
	}
	for _, c := range d.log[:n] {
		switch c.kind {
		case "write":
			contents[c.inode] = append(contents[c.inode], c.contents...)
		case "sync":
			synced[c.inode] = len(contents[c.inode])
		case "name", "unname":
			unsynced = append(unsynced, c)
		case "syncdir":
			unsynced = slices.DeleteFunc(unsynced, func(u change) bool {
				if filepath.Dir(u.path) != c.path {
					return false
				}
				apply(u)
				return true
			})
		}
	}
	for _, u := range unsynced {
		if random.IntN(2) == 0 {
			apply(u)
		}
	}
	must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			err = os.Remove(path)
		}
		return err
	}))
	for path, inode := range names {
		all := contents[inode]
		kept := synced[inode] + random.IntN(len(all)-synced[inode]+1)
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, path), all[:kept], 0o600))
	}
}

// promise is what was acknowledged of a job at some moment.
type promise struct {
	job    string // its image is there and it has no result
	result string // its result is there
	note   string // beside its result
	gone   bool   // there is nothing
}

// broken says why the promise does not hold for what Replay found, "" where it does.
func (p promise) broken(e Entry, found bool) string {
	switch {
	case p.gone && found:
		return "is back"
	case p.result != "" && string(e.Result) != p.result:
		return fmt.Sprintf("its result is %q, want %q", e.Result, p.result)
	case p.note != "" && string(e.Note) != p.note:
		return fmt.Sprintf("its note is %q, want %q", e.Note, p.note)
	case p.job != "" && e.Result != nil:
		return fmt.Sprintf("has a result, %q", e.Result)
	case p.job != "" && e.Size != int64(len(p.job)):
		return fmt.Sprintf("its image has %d bytes, want %d", e.Size, len(p.job))
	}
	return ""
}

// acted runs random lives of jobs on the spool. For each number of changes of the disk it returns
// what had been promised by then of each job: one of two things while a step was under way.
func acted(
	t *testing.T, s *Spool, d *forgetful, random *rand.Rand,
) (history []map[string][2]promise) {
	t.Helper()
	now := map[string][2]promise{}
	step := func(id string, after promise, do func() error) {
		before := now[id][1]
		must(t, do())
		now[id] = [2]promise{before, after}
		for len(history) < len(d.log) {
			history = append(history, maps.Clone(now))
		}
		now[id] = [2]promise{after, after}
	}
	for len(history) < len(d.log) { // those of Open
		history = append(history, nil)
	}
	expires := time.Now().Add(time.Hour)
	for i := range 12 {
		id := fmt.Sprintf("job%d", i)
		image, end := strings.Repeat(id, 1+random.IntN(200)), "result of "+id
		options := strings.Repeat("o", random.IntN(9000))
		accept := func() error {
			return s.Accept(id,
				File{About: []byte(id), Options: options, Image: []byte(image), Expires: expires})
		}
		finish := func() error { return s.Finish(id, File{About: []byte(end), Expires: expires}) }
		step(id, promise{job: image}, accept)
		step(id, promise{job: image}, func() error { return s.Begin(id) })
		switch random.IntN(4) {
		case 0: // still runs
		case 1:
			step(id, promise{result: end}, finish)
			step(id, promise{result: end}, func() error { return s.DropJob(id) })
			step(id, promise{result: end, note: "a"},
				func() error { return s.Note(id, []byte("a")) })
			step(id, promise{result: end, note: "b"},
				func() error { return s.Note(id, []byte("b")) })
		case 2: // is tried again by hand
			step(id, promise{result: end}, finish)
			step(id, promise{result: end}, func() error { return s.ForgetAttempts(id) })
			step(id, promise{result: end}, accept)
			step(id, promise{job: image}, func() error { return s.DropResult(id) })
		case 3:
			step(id, promise{gone: true}, func() error { return s.Forget(id) })
		}
	}
	return append(history, now)
}

// losses counts the promises that do not hold after power losses at every moment.
func losses(t *testing.T, sync bool) (broken []string, tries int) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 1))
	d := &forgetful{root: t.TempDir(), now: map[string]int{}}
	s, err := open(d.root, Options{Sync: sync}, slog.New(slog.DiscardHandler), d)
	must(t, err)
	history := acted(t, s, d, random)
	must(t, s.Close())
	after := t.TempDir() // one for all: its many folders take long to make
	for n := 0; n <= len(d.log); n++ {
		for range 2 {
			tries++
			d.left(t, after, n, random)
			s := openIn(t, after, Options{})
			found := replayed(t, s)
			if c := s.Corrupt(); c > 0 {
				broken = append(broken, fmt.Sprintf("after %d changes: %d damaged files", n, c))
			}
			for id, either := range history[n] {
				e, ok := found[id]
				why := either[0].broken(e, ok)
				if why != "" && either[1].broken(e, ok) != "" {
					broken = append(broken, fmt.Sprintf("after %d changes, %s: %s", n, id, why))
				}
			}
			must(t, s.Close())
		}
	}
	return broken, tries
}

// Whatever was acknowledged is there after a power loss at any moment, and what was not
// is whole or not there.
func TestPowerLoss(t *testing.T) {
	broken, tries := losses(t, true)
	t.Logf("%d power losses", tries)
	for _, b := range broken {
		t.Error(b)
	}
}

// Without syncs it is not: the test above would see it.
func TestPowerLossWithoutSync(t *testing.T) {
	if broken, tries := losses(t, false); len(broken) < tries/10 {
		t.Errorf("of %d power losses without a sync only %d broke a promise", tries, len(broken))
	}
}
