package submit

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// Runs that begin while another ends, and deletes its journal, keep each other out.
func TestJournalIsOnes(t *testing.T) {
	dir := t.TempDir()
	var holders atomic.Int32
	var runs sync.WaitGroup
	for range 8 {
		runs.Go(func() {
			for opened := 0; opened < 100; {
				j, err := OpenJournal(dir, "", "")
				if errors.Is(err, ErrInUse) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				opened++
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d runs have the journal", n)
				}
				if _, err := os.Stat(filepath.Join(dir, JournalName)); err != nil {
					t.Error(err)
				}
				holders.Add(-1)
				if err := j.Close(true); err != nil {
					t.Error(err)
				}
			}
		})
	}
	runs.Wait()
}
