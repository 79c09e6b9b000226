package main

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"

	"bgremove/tools/photo"
)

// pictures are JPEG files to send: those of a folder, or else some of 1 megapixel that are drawn.
func pictures(folder string) ([][]byte, error) {
	var all [][]byte
	if folder != "" {
		names, err := filepath.Glob(filepath.Join(folder, "*.jpg"))
		if err != nil || len(names) == 0 {
			return nil, fmt.Errorf("-photos: no *.jpg in %s", folder)
		}
		for _, name := range names {
			data, err := os.ReadFile(filepath.Clean(name))
			if err != nil {
				return nil, err
			}
			all = append(all, data)
		}
		return all, nil
	}
	for i := range 8 {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, photo.Draw(rand.New(rand.NewPCG(1, uint64(i))), 1152, 868),
			&jpeg.Options{Quality: 90}); err != nil {
			return nil, err
		}
		all = append(all, b.Bytes())
	}
	return all, nil
}
