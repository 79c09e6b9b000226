package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"bgremove/queue/store"
)

// A file is, with numbers in little endian:
//
//	"BGJ1" | u32 length of the description | u32 length of the image | u32 length of the options |
//	u32 CRC-32C of the rest | description | options | image
const (
	magic      = "BGJ1"
	headerSize = 20
)

// File is what is kept of a job, or of its end.
type File struct {
	About   []byte // its description
	Options string
	Image   []byte
	Expires time.Time // when it may be removed
	Hold    bool      // in memory too, until it is read: nobody may change the image
}

func (f File) size() int64 { return int64(len(f.About) + len(f.Options) + len(f.Image)) }

// head returns what comes before the options and the image.
func (f File) head() []byte {
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Checksum(f.About, table)
	var chunk [512]byte // the options may be long: no copy of them is made
	for rest := f.Options; rest != ""; {
		n := copy(chunk[:], rest)
		sum, rest = crc32.Update(sum, table, chunk[:n]), rest[n:]
	}
	sum = crc32.Update(sum, table, f.Image)
	head := append(make([]byte, 0, headerSize+len(f.About)), magic...)
	for _, n := range []uint32{
		uint32(len(f.About)), uint32(len(f.Image)), uint32(len(f.Options)), sum,
	} {
		head = binary.LittleEndian.AppendUint32(head, n)
	}
	return append(head, f.About...)
}

// parse returns the contents of a file, without copying the image, and an ErrCorrupt where it is
// not what was written.
func parse(data []byte) (File, error) {
	if len(data) < headerSize || string(data[:4]) != magic {
		return File{}, fmt.Errorf("%w: %d bytes that begin with %.4q", ErrCorrupt, len(data), data)
	}
	var n [4]uint64
	for i := range n {
		n[i] = uint64(binary.LittleEndian.Uint32(data[4+4*i:]))
	}
	about, image, options, want := n[0], n[1], n[2], n[3]
	rest := data[headerSize:]
	if about+image+options != uint64(len(rest)) {
		return File{}, fmt.Errorf("%w: has %d bytes, its header says %d + %d + %d + %d", ErrCorrupt,
			len(data), headerSize, about, options, image)
	}
	if sum := crc32.Checksum(rest, crc32.MakeTable(crc32.Castagnoli)); uint64(sum) != want {
		return File{}, fmt.Errorf("%w: its checksum is %08x, its header says %08x",
			ErrCorrupt, sum, want)
	}
	return File{
		About: rest[:about], Options: string(rest[about : about+options]),
		Image: rest[about+options:],
	}, nil
}

// write makes a whole file appear at path, in place of one that is there: a reader, and a start
// after a crash, see all of it or none. It returns when that is settled.
func (s *Spool) write(path string, f File) error {
	if f.size() > math.MaxUint32 {
		return fmt.Errorf("has %d bytes, the limit is %d", f.size(), math.MaxUint32)
	}
	s.fresh.take(path)
	tmp := filepath.Join(s.root, "tmp",
		filepath.Base(filepath.Dir(filepath.Dir(path)))+"."+filepath.Base(path))
	err := s.fill(tmp, f)
	if err == nil {
		err = s.disk.Rename(tmp, path)
	}
	if err != nil {
		_ = s.disk.Remove(tmp) // what stays is removed at the next start
		return store.NoSpace(err)
	}
	if err := s.syncDir(path); err != nil {
		_ = s.disk.Remove(path) // refused: it must not be there after a restart
		return store.NoSpace(err)
	}
	if f.Hold {
		s.fresh.keep(path, f)
	}
	return nil
}

func (s *Spool) fill(path string, f File) error {
	to, err := s.disk.Create(path)
	if err != nil {
		return err
	}
	_, err = to.Write(f.head())
	if err == nil && f.Options != "" {
		_, err = io.WriteString(to, f.Options)
	}
	if err == nil {
		_, err = to.Write(f.Image)
	}
	if err == nil {
		err = os.Chtimes(path, time.Time{}, f.Expires)
	}
	if err == nil && s.opts.Sync {
		err = to.Sync()
	}
	return errors.Join(err, to.Close())
}

func (s *Spool) syncDir(path string) error {
	if !s.opts.Sync {
		return nil
	}
	return s.disk.SyncDir(filepath.Dir(path))
}

// readFile reads a whole file, into one buffer that the image is a part of.
func readFile(path string) (File, error) {
	data, err := os.ReadFile(filepath.Clean(path))
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, store.ErrNotFound
	} else if err != nil {
		return File{}, err
	}
	f, err := parse(data)
	if err != nil {
		return File{}, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return f, nil
}
