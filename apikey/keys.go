package apikey

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"sync/atomic"

	"bgremove/reload"
)

// Keys are those of a file, as it was when it last made sense. Safe for concurrent use.
type Keys struct {
	files   *reload.Files
	current atomic.Pointer[[]Key]
}

// Load reads the file. Its error has every fault, one a line. A file without keys is no
// fault: nobody gets in.
func Load(path string, log *slog.Logger) (*Keys, error) {
	k := &Keys{}
	load := func(contents [][]byte) error {
		keys, err := parse(path, contents[0])
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			log.Warn("the file of API keys has none: every request is refused", "file", path)
		}
		k.current.Store(&keys)
		return nil
	}
	files, err := reload.Open(log, load, path)
	if err != nil {
		return nil, err
	}
	k.files = files
	return k, nil
}

// Watch follows the file's changes until ctx ends: a key is known, or known no more, within some
// two seconds. While the file has faults, which are logged, the keys that it had before stay valid.
// Its caller waits for it to return.
func (k *Keys) Watch(ctx context.Context) { k.files.Watch(ctx) }

// Find is the key that somebody presents. The time it takes tells nothing about the keys: it
// depends on how long the presented text is and on how many keys there are.
func (k *Keys) Find(presented string) (Key, bool) {
	keys := *k.current.Load()
	i := find(keys, sha256.Sum256([]byte(presented)), subtle.ConstantTimeCompare)
	if i < 0 {
		return Key{}, false
	}
	return keys[i], true
}

// find is the index of the key with this sum, or -1. It compares with every one, whether
// it has found it or not.
func find(keys []Key, sum [sha256.Size]byte, equal func(a, b []byte) int) int {
	found := -1
	for i := range keys {
		found = subtle.ConstantTimeSelect(equal(keys[i].sum[:], sum[:]), i, found)
	}
	return found
}
