package files

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inFolderWith changes to a new folder with such files, each of which holds its name.
func inFolderWith(t *testing.T, names ...string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, name := range names {
		put(t, name, name)
	}
}

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700),
		os.WriteFile(name, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, to, link string) {
	t.Helper()
	if err := os.Symlink(to, link); err != nil {
		t.Fatal(err)
	}
}

func places(found []File) (all []string) {
	for _, f := range found {
		text := f.Path + " at " + f.Rel
		if f.Named {
			text += ", named"
		}
		all = append(all, text)
	}
	return all
}

func TestFind(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		want []string
		err  error
	}{
		{
			"folder",
			[]string{"in"},
			[]string{"in/a at a", "in/b/c at b/c", "in/dangling at dangling", "in/link at link"},
			nil,
		},
		{"folder and its file", []string{"in/b/", "in/b/c"}, []string{"in/b/c at c, named"}, nil},
		{"file", []string{"in/b/c"}, []string{"in/b/c at c, named"}, nil},
		{"hidden, named", []string{"in/.hidden"}, []string{"in/.hidden at .hidden, named"}, nil},
		{"link to a folder, named", []string{"in/folder"}, []string{"in/folder/x at x"}, nil},
		{"pattern", []string{"*/[ax]"}, []string{"in/a at a, named", "other/x at x, named"}, nil},
		{"pattern of all", []string{"other/*"}, []string{"other/x at x, named"}, nil},
		{"a name like a pattern", []string{"b[1]"}, []string{"b[1] at b[1], named"}, nil},
		{"nothing", []string{"bogus"}, nil, ErrNoMatch},
		{"no match", []string{"in/*.png"}, nil, ErrNoMatch},
		{"bad pattern", []string{"[a"}, nil, ErrPattern},
		{"two stars", []string{"in/**"}, nil, ErrPattern},
	} {
		t.Run(test.name, func(t *testing.T) {
			inFolderWith(t, "in/a", "in/b/c", "in/.hidden", "in/.git/x", "in/out/y", "other/x",
				"other/.y", "b[1]")
			symlink(t, "../other/x", "in/link")
			symlink(t, "../bogus", "in/dangling")
			symlink(t, "../other", "in/folder")
			found, faults, err := Find(test.args, "./in/out")
			if !errors.Is(err, test.err) || len(faults) > 0 {
				t.Errorf("error %v, faults %v, want %v", err, faults, test.err)
			}
			if got := places(found); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestInside(t *testing.T) {
	inFolderWith(t, "a/b/c")
	symlink(t, "a/b", "link")
	for _, test := range []struct {
		path, dir string
		want      bool
	}{
		{"a/b", "a", true},
		{"a", "a/", true},
		{"a/new/er", "a", true},
		{"link/new", "a", true},
		{"ab", "a", false},
		{"a", "a/b", false},
		{"..x", ".", true},
	} {
		if got := Inside(test.path, test.dir); got != test.want {
			t.Errorf("%s in %s: %v", test.path, test.dir, got)
		}
	}
}

func TestWrite(t *testing.T) {
	inFolderWith(t, "there")
	long := strings.Repeat("n", 255)
	for _, name := range []string{"there", "new/folder/x", long} {
		if err := Write(name, []byte("new")); err != nil {
			t.Error(err)
		}
		if data, err := os.ReadFile(name); err != nil || string(data) != "new" {
			t.Errorf("%s holds %q, %v", name, data, err)
		}
	}
	for _, path := range []string{"new/folder", "/dev/null"} {
		if err := Write(path, nil); !errors.Is(err, ErrNotRegular) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := Write("there/x", nil); err == nil {
		t.Error("a file was taken for a folder")
	}
	left, err := filepath.Glob(".*.tmp")
	inNew, err2 := filepath.Glob("new/.*.tmp")
	if err := errors.Join(err, err2); err != nil || len(left)+len(inNew) > 0 {
		t.Errorf("left: %q %q, %v", left, inNew, err)
	}
}

// Of what never came nothing is there, not even a folder.
func TestPendingIsLazy(t *testing.T) {
	inFolderWith(t, "there")
	for _, name := range []string{"new/empty", "new/full"} {
		p, err := Create("new/")
		if err != nil {
			t.Fatal(err)
		}
		if name == "new/empty" && Exists("new") {
			t.Error("the folder is there before the first byte")
		}
		if name == "new/full" {
			if _, err := p.Write([]byte("full")); err != nil {
				t.Error(err)
			}
		}
		if err := errors.Join(p.Commit(name), p.Discard()); err != nil || !Exists(name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p, err := Create("other")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Discard(); err != nil || Exists("other") {
		t.Errorf("after Discard the folder is there, %v", err)
	}
	if _, err := Create("there"); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("in a file: %v", err)
	}
}

func TestSweep(t *testing.T) {
	stale, fresh, other := ".bgremove-ABCDEFGHIJKLMNOP.tmp", ".bgremove-BBCDEFGHIJKLMNOP.tmp",
		".bgremove-submit"
	inFolderWith(t, "out/"+stale, "out/"+fresh, "out/"+other)
	now := time.Now()
	for _, name := range []string{stale, other} {
		if err := os.Chtimes("out/"+name, now, now.Add(-25*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	Sweep("out", now)
	Sweep("bogus", now)
	if Exists("out/"+stale) || !Exists("out/"+fresh) || !Exists("out/"+other) {
		left, err := os.ReadDir("out")
		t.Errorf("left: %v, %v", left, err)
	}
}

// watching runs a Watcher until the test ends and returns what it sends.
func watching(t *testing.T, root, skip string) <-chan []File {
	t.Helper()
	w, err := NewWatcher(root, skip)
	if err != nil {
		t.Fatal(err)
	}
	changed, _, end := running(t, w)
	t.Cleanup(end)
	return changed
}

// running has w watch until end is called, which returns once it does so no more.
func running(t *testing.T, w *Watcher) (changed chan []File, faults chan error, end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	changed, faults = make(chan []File), make(chan error)
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx, changed, faults) }()
	return changed, faults, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// wantChanges receives until all that is wanted has come, and nothing else.
func wantChanges(t *testing.T, changed <-chan []File, want ...string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	var got []string
	for len(got) < len(want) {
		select {
		case batch := <-changed:
			got = append(got, places(batch)...)
		case <-deadline:
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWatch(t *testing.T) {
	inFolderWith(t, "in/old", "in/sub/old", "in/out/x")
	changed := watching(t, "in/", "in/out")
	put(t, "in/sub/new", "new")
	put(t, "in/sub/.hidden", "new")
	put(t, "in/out/result", "new")
	put(t, "in/old", "changed")
	wantChanges(t, changed, "in/old at old", "in/sub/new at sub/new")

	put(t, "moved/deep/x", "x")
	if err := os.Rename("moved", "in/moved"); err != nil {
		t.Fatal(err)
	}
	wantChanges(t, changed, "in/moved/deep/x at moved/deep/x")
	put(t, "in/moved/deep/y", "y")
	wantChanges(t, changed, "in/moved/deep/y at moved/deep/y")
}

// Programs write files under another name first: that has no folder watched anew.
func TestWatchRenamedFile(t *testing.T) {
	inFolderWith(t, "in/sub/old")
	w, err := NewWatcher("in", "")
	if err != nil {
		t.Fatal(err)
	}
	added := 0
	w.add = func(string) error { added++; return nil }
	changed, _, end := running(t, w)
	put(t, "in/sub/x.part", "new")
	if err := os.Rename("in/sub/x.part", "in/sub/x"); err != nil {
		t.Fatal(err)
	}
	wantChanges(t, changed, "in/sub/x at sub/x")
	if end(); added > 0 {
		t.Errorf("%d folders watched anew", added)
	}
}

// What is gone is not remembered for ever.
func TestWatchForgets(t *testing.T) {
	inFolderWith(t, "in/old", "in/moved")
	w, err := NewWatcher("in", "")
	if err != nil {
		t.Fatal(err)
	}
	changed, _, end := running(t, w)
	if err := errors.Join(os.Remove("in/old"), os.Rename("in/moved", "elsewhere")); err != nil {
		t.Fatal(err)
	}
	put(t, "in/last", "new") // its event comes after those
	<-changed
	if end(); len(w.known) != 1 {
		t.Errorf("%v is known", w.known)
	}
}

// A folder that gets another name is watched under the new one, all below it too.
func TestWatchRenamedFolder(t *testing.T) {
	inFolderWith(t, "in/old/deep/x", "in/out/x")
	changed := watching(t, "in/", "in/out")
	if err := os.Rename("in/old", "in/new"); err != nil {
		t.Fatal(err)
	}
	wantChanges(t, changed, "in/new/deep/x at new/deep/x")
	put(t, "in/new/y", "y")
	put(t, "in/new/deep/y", "y")
	put(t, "in/old/deep/z", "z")
	wantChanges(t, changed, "in/new/deep/y at new/deep/y", "in/new/y at new/y",
		"in/old/deep/z at old/deep/z")
}

// fsnotify tells of an error where a folder is gone before it knows of its new name.
func TestWatchGoneFolders(t *testing.T) {
	inFolderWith(t, "in/old")
	w, err := NewWatcher("in", "")
	if err != nil {
		t.Fatal(err)
	}
	changed, faults, end := running(t, w)
	for i := range 300 {
		name := filepath.Join("in", strconv.Itoa(i))
		if err := errors.Join(os.Mkdir(name, 0o700), os.Rename(name, "in/b"),
			os.Remove("in/b")); err != nil {
			t.Fatal(err)
		}
	}
	put(t, "in/last", "new")
	select {
	case <-changed:
	case err := <-faults:
		t.Error(err)
	case <-time.After(20 * time.Second):
		t.Error("nothing came")
	}
	end()
}

// A folder that cannot be watched keeps no other from it.
func TestWatchUnreadable(t *testing.T) {
	inFolderWith(t, "in/old")
	root, err := os.OpenRoot("in")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	// its path is too long for the system
	if err := root.MkdirAll(strings.Repeat(strings.Repeat("n", 250)+"/", 20), 0o700); err != nil {
		t.Fatal(err)
	}
	w, err := NewWatcher("in", "")
	if err != nil {
		t.Fatal(err)
	}
	changed, faults, end := running(t, w)
	fault := new(fs.PathError)
	if err := <-faults; !errors.Is(err, syscall.ENAMETOOLONG) || !errors.As(err, &fault) ||
		fault.Op != "watch" {
		t.Error(err)
	}
	put(t, "in/new", "new")
	wantChanges(t, changed, "in/new at new")
	end()
}

// What the system calls its limits is said in words that help, and once.
func TestWatchLimits(t *testing.T) {
	inFolderWith(t, "in/a/x", "in/b/x", "in/c/x")
	for _, test := range []struct {
		err  error
		want string
	}{
		{syscall.ENOSPC, "watch in/b: sysctl fs.inotify.max_user_watches allows no more folders: " +
			"no space left on device"},
		{syscall.EMFILE, "watch in/b: sysctl fs.inotify.max_user_instances allows no more " +
			"programs that watch: too many open files"},
		{syscall.EACCES, "watch in/b: permission denied\nwatch in/c: permission denied"},
	} {
		w := &Watcher{folders: map[string]bool{}, root: "in", add: func(dir string) error {
			if dir == "in" || dir == "in/a" {
				return nil
			}
			return test.err
		}}
		w.folder("in", func(File) {})
		if err := errors.Join(w.faults...); err == nil || err.Error() != test.want {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
}

// A file that grows comes when it has stopped.
func TestWatchWaits(t *testing.T) {
	inFolderWith(t, "in/old")
	changed := watching(t, ".", "")
	f, err := os.Create("in/slow")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pieces := time.NewTicker(settleTime / 3)
	defer pieces.Stop()
	for range 6 {
		<-pieces.C
		select {
		case batch := <-changed:
			t.Fatalf("%q came while it grew", places(batch))
		default:
		}
		if _, err := f.WriteString("more"); err != nil {
			t.Fatal(err)
		}
	}
	wantChanges(t, changed, "in/slow at in/slow")
}

// Where events were lost, the folder itself tells what is new.
func TestWatchRecovers(t *testing.T) {
	inFolderWith(t, "in/old", "in/changed")
	w, err := NewWatcher("in", "")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	put(t, "in/changed", "other text")
	put(t, "in/new/file", "new")
	w.recover(fsnotify.ErrEventOverflow)
	start := time.Now()
	if early := w.settle(start); len(early) > 0 {
		t.Errorf("%q came at once", places(early))
	}
	settled := merge(nil, w.settle(start.Add(settleTime)))
	if want := []string{"in/changed at changed", "in/new/file at new/file"}; !slices.Equal(
		places(settled), want) {
		t.Errorf("got %q, want %q", places(settled), want)
	}
}
