package spool

import (
	"bufio"
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

// contents are those of a file, or of one to be.
type contents struct {
	about   []byte
	options string
	image   []byte
}

func (c contents) size() int64 { return int64(len(c.about) + len(c.options) + len(c.image)) }

// writeTo writes all of it. The image goes through no other buffer.
func (c contents) writeTo(w io.Writer) error {
	b := bufio.NewWriter(w) // remembers the first error
	_, _ = b.Write(c.about)
	_, _ = b.WriteString(c.options)
	_, _ = b.Write(c.image)
	return b.Flush()
}

// header returns what a file begins with.
func (c contents) header() []byte {
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	_ = c.writeTo(sum) // never fails
	head := append(make([]byte, 0, headerSize), magic...)
	for _, n := range []int{len(c.about), len(c.image), len(c.options), int(sum.Sum32())} {
		head = binary.LittleEndian.AppendUint32(head, uint32(n))
	}
	return head
}

// parse returns the contents of a file, without copying the image, and an ErrCorrupt where it is not what was written.
func parse(data []byte) (contents, error) {
	if len(data) < headerSize || string(data[:4]) != magic {
		return contents{}, fmt.Errorf("%w: %d bytes that begin with %.4q", ErrCorrupt, len(data), data)
	}
	var n [4]uint64
	for i := range n {
		n[i] = uint64(binary.LittleEndian.Uint32(data[4+4*i:]))
	}
	about, image, options, want := n[0], n[1], n[2], n[3]
	rest := data[headerSize:]
	if about+image+options != uint64(len(rest)) {
		return contents{}, fmt.Errorf("%w: has %d bytes, its header says %d + %d + %d + %d", ErrCorrupt,
			len(data), headerSize, about, options, image)
	}
	if sum := crc32.Checksum(rest, crc32.MakeTable(crc32.Castagnoli)); uint64(sum) != want {
		return contents{}, fmt.Errorf("%w: its checksum is %08x, its header says %08x", ErrCorrupt, sum, want)
	}
	return contents{rest[:about], string(rest[about : about+options]), rest[about+options:]}, nil
}

// write makes a whole file appear at path, in place of one that is there: a reader, and a start after a crash, see all of it or
// none. It returns when that is settled.
func (s *Spool) write(path string, c contents, expires time.Time) error {
	if c.size() > math.MaxUint32 {
		return fmt.Errorf("has %d bytes, the limit is %d", c.size(), math.MaxUint32)
	}
	s.fresh.take(path)
	tmp := filepath.Join(s.root, "tmp", filepath.Base(filepath.Dir(filepath.Dir(path)))+"."+filepath.Base(path))
	if err := s.fill(tmp, c, expires); err != nil {
		_ = s.disk.Remove(tmp) // what stays is removed at the next start
		return store.NoSpace(err)
	}
	if err := s.disk.Rename(tmp, path); err != nil {
		_ = s.disk.Remove(tmp)
		return store.NoSpace(err)
	}
	if err := s.syncDir(path); err != nil {
		_ = s.disk.Remove(path) // refused: it must not be there after a restart
		return store.NoSpace(err)
	}
	return nil
}

func (s *Spool) fill(path string, c contents, expires time.Time) error {
	f, err := s.disk.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(c.header())
	if err == nil {
		err = c.writeTo(f)
	}
	if err == nil {
		err = os.Chtimes(path, time.Time{}, expires)
	}
	if err == nil && s.opts.Sync {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (s *Spool) syncDir(path string) error {
	if !s.opts.Sync {
		return nil
	}
	return s.disk.SyncDir(filepath.Dir(path))
}

// readFile reads a whole file, into one buffer that the image is a part of.
func readFile(path string) (contents, error) {
	data, err := os.ReadFile(filepath.Clean(path))
	if errors.Is(err, fs.ErrNotExist) {
		return contents{}, store.ErrNotFound
	} else if err != nil {
		return contents{}, err
	}
	c, err := parse(data)
	if err != nil {
		return contents{}, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return c, nil
}
