package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"bgremove/imaging/codec"
	"bgremove/imaging/picture"
)

const headerBytes = 64 << 10 // in which most pictures say how large they are

// Read returns what is in the file of a picture, or in stdin where path is Stream, unless that is
// larger than limits. It returns once ctx ends, even if nothing comes from stdin or a pipe. Nothing
// can break off such a read: it then lasts until the process ends.
func Read(
	ctx context.Context, path string, stdin io.Reader, limits picture.Limits,
) ([]byte, error) {
	var data []byte
	var err error
	read := make(chan struct{})
	go func() {
		defer close(read)
		if path == Stream {
			data, err = readPicture(stdin, 0, limits)
		} else {
			data, err = readFile(path, limits)
		}
	}()
	select {
	case <-read:
		return data, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func readFile(path string, limits picture.Limits) ([]byte, error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return readPicture(f, info.Size(), limits)
}

// readPicture reads no more of a picture that is too large than shows it. size is 0
// where it is not known.
func readPicture(f io.Reader, size int64, limits picture.Limits) ([]byte, error) {
	if size > limits.MaxBytes {
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d",
			picture.ErrTooLarge, size, limits.MaxBytes)
	}
	// which ReadFrom needs free to see the end
	b := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	if _, err := b.ReadFrom(io.LimitReader(f, headerBytes)); err != nil {
		return nil, err
	}
	if _, err := codec.Inspect(b.Bytes(), limits); errors.Is(err, picture.ErrTooLarge) {
		return nil, err
	}
	_, err := b.ReadFrom(io.LimitReader(f, limits.MaxBytes+1-headerBytes))
	return b.Bytes(), err
}
