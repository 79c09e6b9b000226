package files

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Exists tells whether something is at path, if only a link that leads nowhere.
func Exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// IsDir tells whether path is a folder or a link to one.
func IsDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// MeansFolder tells whether a path means a folder: it is one, or ends like one.
func MeansFolder(path string) bool {
	return strings.HasSuffix(path, string(os.PathSeparator)) || IsDir(path)
}

// Inside tells whether path is dir or below it, links resolved; neither need exist.
func Inside(path, dir string) bool {
	rel, err := filepath.Rel(Resolved(dir), Resolved(path))
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// Resolved is path from the root on, with the links of as much of it as exists followed: two paths
// of one file give the same.
func Resolved(path string) string {
	full, err := filepath.Abs(path)
	if err != nil { // there is no working directory any more
		return filepath.Clean(path)
	}
	rest := ""
	for dir := full; ; dir = filepath.Dir(dir) {
		if target, err := filepath.EvalSymlinks(dir); err == nil {
			return filepath.Join(target, rest)
		}
		if dir == filepath.Dir(dir) {
			return full
		}
		rest = filepath.Join(filepath.Base(dir), rest)
	}
}

// Ending returns what the name of a file of a content type ends with.
func Ending(contentType string) (string, error) {
	ending, ok := map[string]string{
		"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "application/zip": ".zip",
	}[contentType]
	if !ok {
		return "", fmt.Errorf("no ending is known for a file of type %s", contentType)
	}
	return ending, nil
}
