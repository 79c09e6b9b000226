package submit

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

// JournalName is the journal's file in the folder of results.
const JournalName = ".bgremove-submit"

// Journal remembers which files are queued as which jobs, so that a run that was interrupted is
// gone on with and no file is sent twice. It is a file of JSON, a line for each change; it is
// safe for concurrent use.
type Journal struct {
	path string

	mu      sync.Mutex
	file    *os.File
	salt    string           // makes the keys of this journal its own
	options string           // those of this run, in short
	entries map[string]entry // by the file's place
}

// header is the journal's first line.
type header struct {
	Salt string `json:"salt"`
	For  string `json:"for"` // what all its files are sent to and asked for
}

// entry is what is known of a file; the last line of it counts.
type entry struct {
	File  string `json:"file"`          // its place
	Stamp string `json:"stamp"`         // changes with the file
	Job   string `json:"job,omitempty"` // id; empty before the server has said it
	// jobs before this one that came to nothing, or whose results were fetched
	Lost int `json:"lost,omitempty"`
	// Options are those that it was sent with last, in short.
	Options string `json:"options,omitempty"`

	path string
}

// OpenJournal opens the one in the folder out, or begins one. One that was kept for another
// purpose, which is a text of the server and all that it is asked for, is begun anew, and remembers
// of what it knew the options only, those that decide what a result looks like.
func OpenJournal(out, options, purpose string) (*Journal, error) {
	if err := os.MkdirAll(out, 0o777); err != nil { //nolint:gosec // the caller's umask decides
		return nil, err
	}
	sum, short := sha256.Sum256([]byte(purpose)), sha256.Sum256([]byte(options))
	j := &Journal{
		path: filepath.Join(out, JournalName), entries: map[string]entry{},
		options: hex.EncodeToString(short[:8]),
	}
	if err := j.load(hex.EncodeToString(sum[:])); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return j, nil
}

// ErrInUse says that another run works in the same folder.
var ErrInUse = errors.New("another run works in this folder")

func (j *Journal) load(purpose string) (err error) {
	for j.file == nil {
		if j.file, err = openLocked(j.path); err != nil {
			return err
		}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, j.file.Close())
		}
	}()
	data, err := io.ReadAll(j.file)
	if err != nil {
		return err
	}
	first, rest, _ := bytes.Cut(data, []byte("\n"))
	lines := bufio.NewScanner(bytes.NewReader(rest))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e entry
		if json.Unmarshal(lines.Bytes(), &e) == nil { // the last may be half a line
			j.entries[e.File] = e
		}
	}
	var h header
	if json.Unmarshal(first, &h) == nil && h.For == purpose && h.Salt != "" {
		j.salt = h.Salt
		if !bytes.HasSuffix(data, []byte("\n")) {
			_, err = j.file.WriteString("\n")
		}
		return err
	}
	return j.anew(purpose)
}

// anew begins the journal for a purpose. The entries have no stamp then, so that no file
// is that of one of them.
func (j *Journal) anew(purpose string) error {
	j.salt = rand.Text()
	if err := j.file.Truncate(0); err != nil {
		return err
	}
	if err := j.write(header{j.salt, purpose}); err != nil {
		return err
	}
	for place, e := range j.entries {
		if err := j.note(entry{File: place, Options: e.Options}); err != nil {
			return err
		}
	}
	return nil
}

// MadeOtherwise says whether the file at place was last sent with other options than this run's, by
// a run that was not done.
func (j *Journal) MadeOtherwise(place string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	e, ok := j.entries[strconv.Quote(place)]
	return ok && e.Options != j.options
}

// openLocked opens the file, or makes it, and locks it. It is nil if a run that was done deleted it
// in between: the lock of a file that is not there any more keeps nobody out.
func openLocked(path string) (*os.File, error) {
	//nolint:gosec // the caller's
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	there, err := lock(f, path)
	if err != nil || !there {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func lock(f *os.File, path string) (there bool, err error) {
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err,
		syscall.EWOULDBLOCK) {
		return false, ErrInUse
	} else if err != nil {
		return false, err
	}
	locked, err := f.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(locked, named), err
}

// write adds a line, with one call: a line is there or not.
func (j *Journal) write(line any) error {
	text, err := json.Marshal(line)
	if err == nil {
		_, err = j.file.Write(append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// Close keeps the journal for the next run, or deletes it where all is done.
func (j *Journal) Close(done bool) error {
	var err error
	if done {
		err = os.Remove(j.path) // before the lock is given up
	}
	return errors.Join(err, j.file.Close())
}

// entry is what is known of the file as it is now.
func (j *Journal) entry(in, place string) (entry, error) {
	info, err := os.Stat(in)
	if err != nil {
		return entry{}, err
	}
	full, err := filepath.Abs(in)
	if err != nil {
		return entry{}, err
	}
	place = strconv.Quote(place) // JSON would not keep a name that is not UTF-8
	stamp := fmt.Sprintf("%d %d %q", info.Size(), info.ModTime().UnixNano(), full)
	j.mu.Lock()
	defer j.mu.Unlock()
	e, ok := j.entries[place]
	if !ok || e.Stamp != stamp {
		e = entry{File: place, Stamp: stamp}
	}
	e.path, e.Options = in, j.options
	return e, nil
}

// key is the Idempotency-Key of the file's next job: the same after a crash, another
// after a job that is lost.
func (j *Journal) key(e entry) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%d", j.salt, e.File, e.Stamp, e.Lost))
	return hex.EncodeToString(sum[:])
}

func (j *Journal) queued(e *entry, id string) error {
	e.Job = id
	return j.note(*e)
}

// lose forgets a job that came to nothing, or whose result is in its place: whoever wants
// another wants it made anew.
func (j *Journal) lose(e *entry) error {
	e.Job = ""
	e.Lost++
	return j.note(*e)
}

func (j *Journal) note(e entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries[e.File] = e
	return j.write(e)
}
