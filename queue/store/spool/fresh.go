package spool

import (
	"sync"
	"time"
)

// freshFor is how long what nobody has read stays in memory. The sweep after that drops it.
const freshFor = time.Minute

// fresh holds the contents of files that are about to be read, so that they are not read back from
// the disk that they were just written to. What is read is handed over and held no more.
type fresh struct {
	mu    sync.Mutex
	room  int64 // bytes that it may take in
	files map[string]held
}

type held struct {
	File
	since time.Time
}

// keep holds what is at path, if there is room for it: nothing else makes way. What came first is
// also asked for first.
func (m *fresh) keep(path string, f File) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(path)
	f.About = nil // nobody asks for it
	if n := f.size(); n <= m.room {
		m.room -= n
		m.files[path] = held{f, time.Now()}
	}
}

// take hands over what is held of path.
func (m *fresh) take(path string) (f File, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h, ok := m.files[path]
	m.drop(path)
	return h.File, ok
}

func (m *fresh) dropBefore(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for path, h := range m.files {
		if h.since.Before(t) {
			m.drop(path)
		}
	}
}

func (m *fresh) drop(path string) {
	if h, ok := m.files[path]; ok {
		m.room += h.size()
		delete(m.files, path)
	}
}
