package spool

import (
	"io"
	"os"

	"bgremove/queue/store"
)

// disk is what changes the folder's contents. A test puts one in its place that
// forgets what was not synced.
type disk interface {
	Create(path string) (file, error) // a new file, to write; it must not be there yet
	Append(path string) (file, error) // to the end of a file, made where it is missing
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(path string) error // makes the entries of the folder survive a power loss
}

type file interface {
	io.WriteCloser
	Sync() error // makes the contents survive a power loss, but not the name
}

type osDisk struct{}

func (osDisk) Create(path string) (file, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
}

func (osDisk) Append(path string) (file, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

func (osDisk) Rename(from, to string) error { return os.Rename(from, to) }
func (osDisk) Remove(path string) error     { return os.Remove(path) }
func (osDisk) SyncDir(path string) error    { return store.SyncDir(path) }
