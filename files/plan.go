package files

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bgremove/imaging/codec"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

const sniffBytes = 512 // that tell what kind of file it is

// Task is one picture to work on.
type Task struct {
	In    string
	Out   string // without its ending, where that is known only with the result
	Named bool   // Out has its ending
}

// plan says what becomes of which file. Files may be added while there is time.
type plan struct {
	in      string   // what was asked for
	out     string   // as Options.Out
	single  bool     // out is the one result's file
	force   bool     // results that exist are written anew
	endings []string // that a result may have
	limits  picture.Limits

	taken   map[string]string // by an output without its ending: the input
	inputs  map[string]bool   // with links resolved
	tasks   []Task
	skipped []Task // there is a result already
	strange int    // files that are no pictures
	forgot  int    // len(taken) after the last forget
}

// newPlan finds the files. err is a fault in args, faults are folders that cannot be read.
func newPlan(args []string, o Options) (p *plan, faults []error, err error) {
	p = &plan{
		in: strings.Join(args, ", "), out: o.Out, force: o.Force, endings: endings(o.Format),
		limits: o.Limits,
		taken:  map[string]string{}, inputs: map[string]bool{},
	}
	if args[0] == Stream {
		p.single = true
		return p, nil, p.place(Task{In: Stream, Out: p.out, Named: true})
	}
	found, faults, err := Find(args, p.out)
	if err != nil {
		return nil, nil, hinted(err, args)
	}
	if p.out == Stream && (len(found) != 1 || !found[0].Named) {
		return nil, nil, fmt.Errorf("-o: stdout takes one picture, there are %d", len(found))
	}
	p.single = Single(args, p.out)
	if !p.single && Exists(p.out) && !IsDir(p.out) {
		return nil, nil, fmt.Errorf("-o: %s is a file, and must be a folder for what is in %s",
			p.out, strings.Join(args, " "))
	}
	for _, dir := range args {
		if IsDir(dir) && Resolved(dir) == Resolved(p.out) {
			return nil, nil, fmt.Errorf("-o: %s is the folder of the pictures; name another", p.out)
		}
	}
	var errs []error // all that is wrong with the files of which results collide
	for _, f := range found {
		p.inputs[Resolved(f.Path)] = true
	}
	for _, f := range found {
		errs = append(errs, p.add(f))
	}
	return p, faults, errors.Join(errs...)
}

// hinted explains where the value of a switch was taken for a file.
func hinted(err error, args []string) error {
	if !errors.Is(err, ErrNoMatch) {
		return err
	}
	for _, arg := range args {
		switch strings.ToLower(arg) {
		case "true", "yes", "on", "1":
			return fmt.Errorf("%w; a switch takes its value after =, such as --crop=true", err)
		case "false", "no", "off", "0":
			return fmt.Errorf("%w; a switch takes its value after =, such as --crop=false", err)
		}
	}
	return err
}

// Single tells whether out is the file of the one result, or stdout, rather than a folder. A
// pattern may match one file by chance: only a name with an ending makes a file of the output.
func Single(args []string, out string) bool {
	if out == Stream || args[0] == Stream {
		return true
	}
	if len(args) != 1 || IsDir(args[0]) || MeansFolder(out) ||
		!Exists(out) && filepath.Ext(out) == "" {
		return false
	}
	found, _, err := Find(args, "")
	return err == nil && len(found) == 1 && found[0].Named
}

// add plans for one file. Its error says which file's result it would overwrite.
func (p *plan) add(f File) error {
	if !f.Named && !HasPictureEnding(f.Path) && p.isStrange(f.Path) {
		p.strange++
		return nil
	}
	t := Task{In: f.Path, Out: filepath.Join(p.out, withoutEnding(f.Rel))}
	if p.single {
		t = Task{In: f.Path, Out: p.out, Named: true}
	}
	if other, ok := p.taken[t.Out]; ok && other != f.Path && Exists(other) {
		return fmt.Errorf("%s and %s would both become %s",
			other, f.Path, t.candidates(p.endings)[0])
	}
	p.taken[t.Out] = f.Path
	return p.place(t)
}

// withoutEnding keeps a name that is nothing else, such as .jpg: without it the result would be
// beside the folder it belongs in.
func withoutEnding(path string) string {
	ending := filepath.Ext(path)
	if strings.Trim(strings.TrimSuffix(filepath.Base(path), ending), ".") == "" {
		return path
	}
	return strings.TrimSuffix(path, ending)
}

// forget drops what it knows of inputs that are gone, once there are twice as many
// as after the last time.
func (p *plan) forget() {
	if len(p.taken) < 2*p.forgot+1000 {
		return
	}
	clear(p.inputs)
	for out, in := range p.taken {
		if Exists(in) {
			p.inputs[Resolved(in)] = true
		} else {
			delete(p.taken, out)
		}
	}
	p.forgot = len(p.taken)
}

// place decides whether a task is to be done.
func (p *plan) place(t Task) error {
	if t.Out == Stream {
		p.tasks = append(p.tasks, t)
		return nil
	}
	for _, out := range t.candidates(p.endings) {
		if !Exists(out) {
			continue
		}
		if p.inputs[Resolved(out)] {
			return fmt.Errorf(
				"%s would become %s, which is a picture to work on; name another place with -o",
				t.In, out)
		}
		if !p.force {
			t.Out = out
			p.skipped = append(p.skipped, t)
			return nil
		}
	}
	p.tasks = append(p.tasks, t)
	return nil
}

// empty says that no files were found at all.
func (p *plan) empty() bool { return len(p.tasks)+len(p.skipped)+p.strange == 0 }

// candidates are the files that the task may write.
func (t Task) candidates(endings []string) []string {
	if t.Named {
		return []string{t.Out}
	}
	var all []string
	for _, ending := range endings {
		all = append(all, t.Out+"."+ending)
	}
	return all
}

// endings are those that results may have: more than one where the picture decides.
func endings(f option.OutputFormat) []string {
	switch f {
	case "":
		return []string{string(option.OutputPNG)}
	case option.OutputAuto:
		return []string{string(option.OutputPNG), string(option.OutputJPEG)}
	}
	return []string{string(f)}
}

// HasPictureEnding tells whether a file is called like a picture.
func HasPictureEnding(path string) bool {
	return slices.Contains([]string{
		".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif",
		".tiff", ".gif", ".pnm", ".ppm", ".pgm", ".pbm",
	},
		strings.ToLower(filepath.Ext(path)))
}

// isStrange tells whether a file is no picture, by how it begins. One that cannot be
// read may be a picture.
func (p *plan) isStrange(path string) bool {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return false
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, sniffBytes))
	if err != nil {
		return false
	}
	_, err = codec.Inspect(head, p.limits)
	return len(head) == 0 || errors.Is(err, picture.ErrUnsupported)
}
