// Package files runs a command over many pictures: it finds them, plans where each result goes,
// works on several at a time, writes results whole or not at all, tells what becomes of each, and
// notices new ones. What is done with a picture is the caller's. It imports terminal, and values
// and sentinels of imaging.
package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Errors of Find about what it was asked for.
var (
	ErrNoMatch = errors.New("no such file or folder")
	ErrPattern = errors.New("bad pattern")
)

// File is one file to work on.
type File struct {
	Path string // to open it by
	// its place below the folder that was asked for; its name alone where it was asked for itself
	Rel   string
	Named bool // it was asked for itself, or by a pattern without folders
}

// Find lists the files that args name, in the order of args and then of names: files, folders
// with all that is in them, and patterns as path.Match has them. What is hidden (its name begins
// with a dot) is left out of folders and patterns, and so are links to folders, what is neither
// a file nor a link to one, and the folder skip; empty stands for none. A file that two args
// lead to is listed once.
//
// faults are the folders that could not be read; the others are listed all the same. err is about
// args: ErrNoMatch, ErrPattern, or the system's own.
func Find(args []string, skip string) (found []File, faults []error, err error) {
	w := walk{
		skip: skip, file: func(f File) { found = append(found, f) },
		fault: func(err error) { faults = append(faults, err) },
	}
	for _, arg := range args {
		paths, err := expand(arg)
		if err != nil {
			return nil, nil, err
		}
		for _, path := range paths {
			info, err := os.Stat(path)
			switch {
			case err != nil:
				return nil, nil, err
			case info.IsDir():
				w.folder(path, "")
			default:
				found = append(found, File{Path: path, Rel: filepath.Base(path), Named: true})
			}
		}
	}
	return once(found), faults, nil
}

// expand takes arg as it stands if there is such a file, else as a pattern.
func expand(arg string) ([]string, error) {
	_, err := os.Lstat(arg)
	if err == nil {
		return []string{arg}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if !strings.ContainsAny(arg, `*?[`) {
		return nil, fmt.Errorf("%w: %s", ErrNoMatch, arg)
	}
	if strings.Contains(arg, "**") {
		return nil, fmt.Errorf("%w: %s: ** is not known; name the folder, all below it is taken",
			ErrPattern, arg)
	}
	matches, err := filepath.Glob(arg)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %s", ErrPattern, arg, err.Error())
	}
	var paths []string
	for _, path := range matches {
		if !hidden(filepath.Base(path)) || hidden(filepath.Base(arg)) {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%w: nothing matches %s", ErrNoMatch, arg)
	}
	return paths, nil
}

// once leaves out what is there already. A file that was asked for itself stays so.
func once(all []File) []File {
	index := make(map[string]int, len(all))
	kept := all[:0]
	for _, f := range all {
		path := filepath.Clean(f.Path)
		if i, ok := index[path]; ok {
			kept[i].Named = kept[i].Named || f.Named
			continue
		}
		index[path] = len(kept)
		kept = append(kept, f)
	}
	return kept
}

// walk goes through folders. enter may be nil.
type walk struct {
	skip  string                 // a folder that is left out, which need not exist
	enter func(dir string) error // before the folder is read, which an error keeps it from
	file  func(File)
	fault func(error)
}

// folder goes through dir, which is at rel below what was asked for.
func (w walk) folder(dir, rel string) {
	if w.skip != "" && same(dir, w.skip) {
		return
	}
	var entries []fs.DirEntry
	var err error
	if w.enter != nil {
		err = w.enter(dir)
	}
	if err == nil {
		entries, err = os.ReadDir(dir)
	}
	if err != nil {
		w.fault(err)
	}
	for _, e := range entries {
		path, place := filepath.Join(dir, e.Name()), filepath.Join(rel, e.Name())
		switch {
		case hidden(e.Name()):
		case e.IsDir():
			w.folder(path, place)
		case isFile(path):
			w.file(File{Path: path, Rel: place})
		}
	}
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") && name != "." && name != ".." }

// isFile also says so of a link to a file, and of one that leads nowhere: whoever opens it is told.
func isFile(path string) bool {
	info, err := os.Stat(path)
	return err != nil || info.Mode().IsRegular()
}

// same tells whether two paths are one folder or file.
func same(a, b string) bool {
	infoA, err := os.Stat(a)
	if err != nil {
		return false
	}
	infoB, err := os.Stat(b)
	return err == nil && os.SameFile(infoA, infoB)
}
