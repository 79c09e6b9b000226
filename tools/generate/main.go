//go:build cgo

// Command generate makes the pictures in testdata: one scene with its true mask, in every format
// that is read and in each format's odd cases. It is deterministic; the golden masks come from the
// tests of package imaging (-update).
//
//	go run -tags gocv_specific_modules ./tools/generate [-out DIR]
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// file is one picture to write.
type file struct {
	name string
	data []byte
	err  error
}

func main() {
	out := flag.String("out", "testdata", "folder to write to")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	s := newScene()
	var files []file
	for _, make := range []func(scene) []file{
		jpegFiles, pngFiles, webpFiles, bmpFiles, tiffFiles, pnmFiles, gifFiles,
	} {
		files = append(files, make(s)...)
	}
	for _, f := range files {
		if f.err != nil {
			return fmt.Errorf("%s: %w", f.name, f.err)
		}
		if err := os.WriteFile(filepath.Join(dir, f.name), f.data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
