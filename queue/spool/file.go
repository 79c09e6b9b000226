package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A file is, with numbers in little endian:
//
//	"BGJ1" | u32 length of the description | u64 length of the image | u32 CRC-32C of both | description | image
const (
	magic      = "BGJ1"
	headerSize = 20
	maxAbout   = 16 << 20 // bytes of a description; a job's options are in it
)

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) } // made once, by crc32

// write makes a whole file appear at path, in place of one that is there: a reader, and a start after a crash, see all of it or
// none. It returns when that is settled.
func (s *Spool) write(path string, about, image []byte, expires time.Time) error {
	if len(about) > maxAbout {
		return fmt.Errorf("description has %d bytes, the limit is %d", len(about), maxAbout)
	}
	tmp := filepath.Join(s.root, "tmp", filepath.Base(filepath.Dir(filepath.Dir(path)))+"."+filepath.Base(path))
	if err := s.fill(tmp, about, image, expires); err != nil {
		_ = s.disk.Remove(tmp) // what stays is removed at the next start
		return NoSpace(err)
	}
	if err := s.disk.Rename(tmp, path); err != nil {
		_ = s.disk.Remove(tmp)
		return NoSpace(err)
	}
	if err := s.syncDir(path); err != nil {
		_ = s.disk.Remove(path) // refused: it must not be there after a restart
		return NoSpace(err)
	}
	return nil
}

func (s *Spool) fill(path string, about, image []byte, expires time.Time) error {
	sum := crc32.Update(crc32.Checksum(about, castagnoli()), castagnoli(), image)
	head := make([]byte, 0, headerSize+len(about))
	head = append(head, magic...)
	head = binary.LittleEndian.AppendUint32(head, uint32(len(about)))
	head = binary.LittleEndian.AppendUint64(head, uint64(len(image)))
	head = binary.LittleEndian.AppendUint32(head, sum)
	head = append(head, about...)
	f, err := s.disk.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(head)
	if err == nil {
		_, err = f.Write(image)
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

// contents is an open file of the spool. Reading it gives the image, and an ErrCorrupt in place of the end where the checksum
// is wrong. Its owner closes it.
type contents struct {
	about []byte
	size  int64 // of the image, in bytes
	file  *os.File
	image io.Reader
	sum   hash.Hash32
	want  uint32
}

// read opens a file and reads its description, which is not to be trusted before the image was read to its end.
func read(path string) (*contents, error) {
	f, err := os.Open(filepath.Clean(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	} else if err != nil {
		return nil, err
	}
	c, err := readHeader(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", filepath.Base(path), err), f.Close())
	}
	return c, nil
}

func readHeader(f *os.File) (*contents, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	var head [headerSize]byte
	if _, err := io.ReadFull(f, head[:]); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("%w: %d bytes, a header has %d", ErrCorrupt, info.Size(), headerSize)
	} else if err != nil {
		return nil, err
	}
	about, image := binary.LittleEndian.Uint32(head[4:]), binary.LittleEndian.Uint64(head[8:])
	if string(head[:4]) != magic {
		return nil, fmt.Errorf("%w: begins with %q, want %q", ErrCorrupt, head[:4], magic)
	}
	if about > maxAbout || image > uint64(info.Size()) || headerSize+int64(about)+int64(image) != info.Size() {
		return nil, fmt.Errorf("%w: has %d bytes, its header says %d + %d + %d", ErrCorrupt, info.Size(), headerSize, about, image)
	}
	c := &contents{
		about: make([]byte, about), size: int64(image), file: f, image: io.LimitReader(f, int64(image)),
		sum: crc32.New(castagnoli()), want: binary.LittleEndian.Uint32(head[16:]),
	}
	if _, err := io.ReadFull(f, c.about); err != nil {
		return nil, err
	}
	_, _ = c.sum.Write(c.about) // never fails
	return c, nil
}

func (c *contents) Read(p []byte) (int, error) {
	n, err := c.image.Read(p)
	_, _ = c.sum.Write(p[:n])
	if errors.Is(err, io.EOF) && c.sum.Sum32() != c.want {
		return n, fmt.Errorf("%w: its checksum is %08x, its header says %08x", ErrCorrupt, c.sum.Sum32(), c.want)
	}
	return n, err
}

func (c *contents) Close() error { return c.file.Close() }
