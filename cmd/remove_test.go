package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	_ "image/jpeg" // for decodeFile
	_ "image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"bgremove/imaging/option"
)

// inFolderWith changes to a new folder with copies of files of testdata, by
// the path that each gets.
func inFolderWith(t *testing.T, copies map[string]string) {
	t.Helper()
	testdata, err := filepath.Abs("../testdata")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for to, from := range copies {
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			t.Fatal(err)
		}
		copyTo(t, filepath.Join(testdata, from), to)
	}
}

// callRemove runs the command with the engine that is quickest here.
func callRemove(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	return call(t, append([]string{"remove", "--engine", quickestEngine}, args...)...)
}

// tree lists the files below dir, hidden ones too.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			all = append(all, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return all
}

func wantTree(t *testing.T, dir string, want ...string) {
	t.Helper()
	if got := tree(t, dir); !slices.Equal(got, want) {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}

func decodeFile(t *testing.T, path string) (image.Image, string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, format, err := image.Decode(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return img, format
}

func TestRemoveKeepsTree(t *testing.T) {
	inFolderWith(t, map[string]string{
		"photos/a.jpg": "jpeg-baseline.jpg", "photos/b/c.PNG": "scene.png",
		"photos/no-ending": "scene.png", "photos/.hidden.jpg": "scene.png",
		"photos/.git/x.jpg": "scene.png", "photos/notes.txt": "../go.mod",
		"else/x.png": "scene.png", "else/linked.png": "scene.png",
	})
	for link, to := range map[string]string{
		"photos/link.jpg": "../else/linked.png", "photos/folder": "../else",
	} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"a.png", "b/c.png", "link.png", "no-ending.png"}
	status, stdout, stderr := callRemove(t, "photos", "-o", "photos/out")
	if status != 0 || stdout != "" || !strings.HasPrefix(stderr, "4 done, 1 not pictures, in ") {
		t.Fatalf("status %d, %q, %q", status, stdout, stderr)
	}
	wantTree(t, "photos/out", want...)
	if img, _ := decodeFile(t, "photos/out/b/c.png"); at(img, 0, 0).A != 0 {
		t.Errorf("the corner is %v, want nothing", at(img, 0, 0))
	}

	if err := os.WriteFile("photos/out/a.png", []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := callRemove(t, "photos", "-o", "photos/out"); status != 0 ||
		!strings.HasPrefix(stderr, "0 done, 4 skipped: ") {
		t.Errorf("again: status %d, %q", status, stderr)
	}
	if read(t, "photos/out/a.png") != "mine" {
		t.Error("what existed was overwritten")
	}
	if status, _, stderr := callRemove(t, "photos", "-o", "photos/out", "--force",
		"-v"); status != 0 || !strings.Contains(stderr, "photos/a.jpg: photos/out/a.png, ") {
		t.Errorf("with --force: status %d, %q", status, stderr)
	}
	decodeFile(t, "photos/out/a.png")
	wantTree(t, "photos/out", want...)
}

// at is a pixel, 8 bits a channel.
func at(img image.Image, x, y int) color.NRGBA {
	return color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
}

func TestRemoveOutput(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		want []string
	}{
		{"a file as named", []string{"a.png", "-o", "x.png"}, []string{"x.png"}},
		{"a file into a folder", []string{"a.png", "-o", "new/"}, []string{"new/a.png"}},
		{
			"a file into a folder without an ending",
			[]string{"a.png", "-o", "new"},
			[]string{"new/a.png"},
		},
		{"a pattern that matches one", []string{"in/b*", "-o", "new"}, []string{"new/b.png"}},
		// it is a.png itself
		{"a file into a folder that exists", []string{"a.png", "-o", "."}, nil},
		{
			"files into a folder",
			[]string{"a.png", "in/b.jpg", "-o", "new"},
			[]string{"new/a.png", "new/b.png"},
		},
		{"a quoted pattern", []string{"in/*.jpg", "-o", "new"}, []string{"new/b.png", "new/c.png"}},
		{
			"one file twice",
			[]string{"in", "in/b.jpg", "-o", "new"},
			[]string{"new/b.png", "new/c.png"},
		},
		{"format of the file", []string{"a.png", "-o", "x.webp"}, []string{"x.webp"}},
		{
			"format",
			[]string{"a.png", "-o", "new/", "--format", "jpg", "--bg-color", "white"},
			[]string{"new/a.jpg"},
		},
		{
			"auto, opaque",
			[]string{"a.png", "-o", "new/", "--format", "auto", "--bg-color", "white"},
			[]string{"new/a.jpg"},
		},
		{
			"auto, transparent",
			[]string{"a.png", "-o", "new/", "--format", "auto"},
			[]string{"new/a.png"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			inFolderWith(t, map[string]string{
				"a.png": "scene.png", "in/b.jpg": "jpeg-baseline.jpg", "in/c.jpg": "jpeg-grey.jpg",
			})
			status, _, stderr := callRemove(t, test.args...)
			if (status == 0) != (test.want != nil) {
				t.Errorf("status %d, %q", status, stderr)
			}
			wantTree(t, ".",
				slices.Sorted(slices.Values(append(test.want, "a.png", "in/b.jpg", "in/c.jpg")))...)
		})
	}
}

// What is wrong with the command line shows before any work.
func TestRemoveRefuses(t *testing.T) {
	for _, test := range []struct {
		name, message string
		args          []string
	}{
		{"no output", "-o: is needed", []string{"in"}},
		{"no input", "no such file or folder: bogus", []string{"bogus", "in", "-o", "out"}},
		{"no match", "nothing matches in/*.gif", []string{"in/*.gif", "-o", "out"}},
		{"double star", "name the folder", []string{"in/**/*.jpg", "-o", "out"}},
		{"bad pattern", "bad pattern: in/[", []string{"in/[", "-o", "out"}},
		{
			"same result", "in/a.jpg and in/a.png would both become out/a.png",
			[]string{"in", "-o", "out"},
		},
		{
			"same result of two folders", "in/b.jpg and other/b.jpg would both become out/b.png",
			[]string{"in/b.jpg", "other", "-o", "out"},
		},
		{
			"its own input", "in/a.png would become in/a.png, which is a picture to work on",
			[]string{"in/a.png", "-o", "in/"},
		},
		{
			"another's input", "sub/in/a.jpg would become sub/in/a.png, which is",
			[]string{"sub/in/a.jpg", "sub/in/a.png", "-o", "sub/in", "--force"},
		},
		{"its own folder", "-o: ./in is the folder of the pictures", []string{"in", "-o", "./in"}},
		{
			"a file for a folder", "-o: one.txt is a file, and must be a folder",
			[]string{"in", "-o", "one.txt"},
		},
		{"jobs", "--jobs: must be 1 to 1024, is 0", []string{"in", "-o", "out", "-j", "0"}},
		{
			"option", `format: must be auto, png, jpg, webp or zip, is "gif"`,
			[]string{"in/b.jpg", "-o", "out", "--format", "gif"},
		},
		{
			"switch", `crop: must be true, false, 1 or 0, is "often"`,
			[]string{"in/b.jpg", "-o", "out", "--crop=often"},
		},
		{
			"options that exclude each other", "JPEG has no transparency",
			[]string{"in/b.jpg", "-o", "out.jpg"},
		},
		{
			"mask that is none", "--mask: unsupported image format",
			[]string{"in/b.jpg", "-o", "out", "--mask", "one.txt"},
		},
		{
			"no background", "--bg-image: stat bogus: ",
			[]string{"in/b.jpg", "-o", "out", "--bg-image", "bogus"},
		},
		{
			"strokes that are none", "strokes: ",
			[]string{"in/b.jpg", "-o", "out", "--strokes", "one.txt"},
		},
		{
			"stdin and more", "nothing may be beside it; there are 2 inputs",
			[]string{"-", "in", "-o", "out"},
		},
		{"stdin into a folder", "a picture from stdin has no name", []string{"-", "-o", "in"}},
		{
			"folder to stdout", "-o: stdout takes one picture, there are 3",
			[]string{"in", "-o", "-"},
		},
		{"both to stdout", "--json: goes to stdout", []string{"in/b.jpg", "-o", "-", "--json"}},
		{
			"watching a file", "--watch: IN must be one folder, is in/b.jpg",
			[]string{"in/b.jpg", "-o", "out", "--watch"},
		},
		{
			"watching results", "--watch: in is in ., where the results go",
			[]string{"in", "-o", ".", "--watch"},
		},
		{
			"watching to stdout", "--watch: results go to a folder",
			[]string{"in", "-o", "-", "--watch"},
		},
		{
			"configuration", "imaging.looks: must be 1 to 3, is 4",
			[]string{"in", "-o", "out", "--imaging-looks", "4"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			inFolderWith(t, map[string]string{
				"in/a.jpg": "scene.png", "in/a.png": "scene.png", "in/b.jpg": "scene.png",
				"other/b.jpg": "scene.png", "one.txt": "../go.mod",
				"sub/in/a.jpg": "scene.png", "sub/in/a.png": "scene.png",
			})
			before := tree(t, ".")
			status, stdout, stderr := call(t, append([]string{"remove"}, test.args...)...)
			if status != exitUsage || stdout != "" || !strings.Contains(stderr, test.message) {
				t.Errorf("status %d, %q, want %q", status, stderr, test.message)
			}
			wantTree(t, ".", before...)
		})
	}
}

// One that fails is named, and the others are done.
func TestRemoveCorrupt(t *testing.T) {
	inFolderWith(t, map[string]string{
		"in/a.jpg": "jpeg-baseline.jpg", "in/c.png": "scene.png", "in/text.png": "../go.mod",
	})
	whole := read(t, "in/a.jpg")
	if err := os.WriteFile("in/b.jpg", []byte(whole[:len(whole)/2]), 0o600); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := callRemove(t, "in", "-o", "out", "--json")
	wantTree(t, "out", "a.png", "c.png")
	if status != exitFailure || !strings.Contains(stderr, "\nbgremove: 2 of 4 failed\n") {
		t.Errorf("status %d, %q", status, stderr)
	}
	for _, row := range []string{
		"\n  in/b.jpg     jpeg: corrupt image: cut short ",
		"\n  in/text.png  unsupported image format: ",
	} {
		if !strings.Contains(stderr, row) {
			t.Errorf("no row %q in %s", row, stderr)
		}
	}
	type outcome struct {
		In, Out, State, Error string
		Width, Height         int
	}
	states := map[string]outcome{}
	decoder := json.NewDecoder(strings.NewReader(stdout))
	var last struct {
		outcome
		Summary map[string]int
	}
	for decoder.More() {
		last.outcome = outcome{}
		if err := decoder.Decode(&last); err != nil {
			t.Fatal(err)
		}
		states[last.In] = last.outcome
	}
	if a := states["in/a.jpg"]; a.State != "done" || a.Out != filepath.Join("out", "a.png") ||
		a.Width == 0 || a.Height == 0 {
		t.Errorf("in/a.jpg: %+v", a)
	}
	if b := states["in/b.jpg"]; b.State != "failed" || !strings.Contains(b.Error, "corrupt image") {
		t.Errorf("in/b.jpg: %+v", b)
	}
	if s := last.Summary; s["done"] != 2 || s["failed"] != 2 || s["left"] != 0 ||
		s["skipped"] != 0 {
		t.Errorf("summary: %v", s)
	}

	if status, _, stderr := callRemove(t, "in/b.jpg", "-o", "x.png"); status != exitFailure ||
		!strings.HasPrefix(stderr, "bgremove: in/b.jpg: ") {
		t.Errorf("alone: status %d, %q", status, stderr)
	}
}

func TestRemoveStreams(t *testing.T) {
	inFolderWith(t, map[string]string{"a.jpg": "jpeg-baseline.jpg"})
	for _, test := range []struct {
		name string
		args []string
		file string // where the result is; empty is stdout
	}{
		{"both", []string{"-"}, ""},
		{"both named", []string{"-", "-o", "-"}, ""},
		{"stdin", []string{"-", "-o", "x.png"}, "x.png"},
		{"stdout", []string{"a.jpg", "-o", "-"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			root := newRootCmd()
			root.SetArgs(append([]string{"remove", "--engine", quickestEngine}, test.args...))
			root.SetIn(strings.NewReader(read(t, "a.jpg")))
			root.SetOut(&out)
			root.SetErr(&errs)
			if err := root.ExecuteContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			data := out.String()
			if test.file != "" {
				data = read(t, test.file)
			} else if errs.Len() > 0 {
				t.Errorf("stderr: %s", &errs)
			}
			if _, format, err := image.Decode(strings.NewReader(data)); err != nil ||
				format != "png" {
				t.Errorf("%v, %s", err, format)
			}
		})
	}
}

// Every option has a flag, and what is given arrives in the result.
func TestRemoveOptions(t *testing.T) {
	cmd := newRemoveCmd()
	for _, o := range option.Table() {
		f := cmd.Flags().Lookup(strings.ReplaceAll(o.Name, "_", "-"))
		if f == nil || f.Usage == "" {
			t.Errorf("%s has no flag, or one without help", o.Name)
		}
	}
	inFolderWith(t,
		map[string]string{"a.png": "scene.png", "mask.png": "mask.png", "bg.jpg": "one-colour.png"})
	if err := os.WriteFile("strokes.json",
		[]byte(`[{"label":"keep","radius":4,"points":[[40,40]]}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, stderr := callRemove(t, "a.png", "-o", "x/", "--format", "jpg", "--bg-color",
		"#00ff00", "--mask", "mask.png", "--strokes", "strokes.json")
	if status != 0 {
		t.Fatal(stderr)
	}
	if img, format := decodeFile(t, "x/a.jpg"); format != "jpeg" || at(img, 0, 0).G < 250 ||
		at(img, 0, 0).R > 5 {
		t.Errorf("%s with %v in the corner, want a JPEG with green", format, at(img, 0, 0))
	}
	if status, _, stderr := callRemove(t, "a.png", "-o", "cropped.png", "--crop", "--roi",
		"10% 10% 90% 90%"); status != 0 {
		t.Fatal(stderr)
	}
	whole, _ := decodeFile(t, "a.png")
	if img, _ := decodeFile(t, "cropped.png"); img.Bounds().Dx() >= whole.Bounds().Dx() {
		t.Errorf("cropped to %v of %v", img.Bounds(), whole.Bounds())
	}
	if status, _, stderr := callRemove(t, "a.png", "-o", "bg.png", "--bg-image",
		"bg.jpg"); status != 0 {
		t.Fatal(stderr)
	}
	if img, _ := decodeFile(t, "bg.png"); at(img, 0, 0).A != 255 {
		t.Errorf("the corner is %v, want the background", at(img, 0, 0))
	}
}

// Nobody need send all of a picture before the program can be interrupted.
func TestRemoveStreamInterrupted(t *testing.T) {
	in, sender := io.Pipe()
	defer sender.Close()
	ctx, cancel := context.WithCancel(t.Context())
	root := newRootCmd()
	root.SetArgs([]string{"remove", "-"})
	root.SetIn(in)
	root.SetOut(io.Discard)
	root.SetErr(io.Discard)
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(ctx) }()
	if _, err := sender.Write([]byte("\x89PNG")); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("%v", err)
	}
}

// An interruption leaves whole results, nothing else, and says how much is left.
func TestRemoveInterrupted(t *testing.T) {
	copies := map[string]string{}
	for i := range 60 {
		copies["in/"+string(rune('a'+i/10))+string(rune('0'+i%10))+".png"] = "scene.png"
	}
	inFolderWith(t, copies)
	// so that there is something left however quick it is
	if err := syscall.Mkfifo("pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout, stderr output
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{
			"remove", "in", "pipe", "-o", "out", "-v", "-j", "2", "--engine", quickestEngine,
		}, &stdout, &stderr)
	}()
	defer release(t, "pipe")
	eventually(t, "the first results", func() bool { return len(tree(t, "out")) > 2 })
	cancel()
	if status := <-ended; status != exitFailure ||
		!strings.Contains(stderr.String(), "bgremove: interrupted: ") ||
		!strings.Contains(stderr.String(), " of 61 left") {
		t.Errorf("status %d, %s", status, stderr.String())
	}
	for _, name := range tree(t, "out") {
		if strings.HasPrefix(name, ".") {
			t.Errorf("%s was left", name)
		}
		decodeFile(t, filepath.Join("out", name))
	}
}

// release ends what waits for a pipe's other end.
func release(t *testing.T, pipe string) {
	t.Helper()
	f, err := os.OpenFile(pipe, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
