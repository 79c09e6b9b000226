package spool

import (
	"sync"
	"time"
)

// freshFor is how long what nobody has read stays in memory. The sweep after that drops it.
const freshFor = time.Minute

// fresh holds the contents of files that are about to be read, so that they are not read back from the
// disk that they were just written to. What is read is handed over and held no more.
type fresh struct {
	mu    sync.Mutex
	room  int64 // bytes that it may take in
	files map[string]held
}

type held struct {
	contents
	since time.Time
}

// keep holds what is at path, if there is room for it: nothing else makes way. What came first is also
// asked for first.
func (f *fresh) keep(path string, c contents) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(path)
	if n := c.size(); n <= f.room {
		f.room -= n
		f.files[path] = held{c, time.Now()}
	}
}

// take hands over what is held of path.
func (f *fresh) take(path string) (c contents, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, ok := f.files[path]
	f.drop(path)
	return h.contents, ok
}

func (f *fresh) dropBefore(t time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for path, h := range f.files {
		if h.since.Before(t) {
			f.drop(path)
		}
	}
}

func (f *fresh) drop(path string) {
	if h, ok := f.files[path]; ok {
		f.room += h.size()
		delete(f.files, path)
	}
}
