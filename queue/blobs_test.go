package queue

import (
	"bytes"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func testBlobs(t *testing.T, q *Queue) {
	ctx, b := t.Context(), q.blobs
	if q.durable != nil {
		t.Skip("an embedded queue's images come with their jobs")
	}
	ref, image := b.newRef(newID(), "in"), bytes.Repeat([]byte{0, 255, 10}, 500_000)
	must(t, b.Put(ctx, ref, bytes.NewReader(image), int64(len(image)), time.Minute))
	if got, err := q.read(ctx, ref); err != nil || !bytes.Equal(got, image) {
		t.Errorf("read %d bytes back, %v", len(got), err)
	}
	must(t, b.Touch(ctx, ref, time.Hour))
	must(t, b.Check(ctx))
	must(t, b.Delete(ctx, ref))
	must(t, b.Delete(ctx, ref))
	wantErr(t, b.Touch(ctx, ref, time.Hour), ErrNotFound)
	_, err := b.Open(ctx, ref)
	wantErr(t, err, ErrNotFound)

	short := b.newRef(newID(), "in")
	must(t, b.Put(ctx, short, strings.NewReader("x"), 1, 20*time.Millisecond))
	if q.blobs.scheme != BlobsS3 { // which keeps it until its job is gone
		<-time.After(40 * time.Millisecond)
		_, err = b.Open(ctx, short)
		wantErr(t, err, ErrNotFound)
	}

	broken := b.newRef(newID(), "in")
	if err := b.Put(ctx, broken, bytes.NewReader(image), int64(len(image))+1, time.Minute); err == nil {
		t.Error("a broken upload was accepted")
	}
	_, err = b.Open(ctx, broken)
	wantErr(t, err, ErrNotFound) // not half of it

	for _, ref := range []string{"fs:../LOCK", "fs:/etc/passwd", "fs:", "fs:.", "s3:a/b", "s3:images/secret", "s3:images/bgremove/Blobs/../x", "nonsense", ""} {
		if r, err := b.Open(ctx, ref); err == nil {
			t.Errorf("reference %q was opened", ref)
			must(t, r.Close())
		}
	}
}

func embeddedIn(t *testing.T, dir string) *Queue {
	t.Helper()
	cfg := DefaultConfig()
	cfg.DataDir = dir
	return open(t, cfg)
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && e.Name() != "LOCK" {
			names = append(names, path)
		}
		return err
	}))
	return names
}

func openFiles(t *testing.T, dir string) *fsBlobs {
	t.Helper()
	b, err := openFSBlobs(Config{DataDir: dir})
	must(t, err)
	return b
}

func TestSweep(t *testing.T) {
	dir := t.TempDir()
	b := openFiles(t, dir)
	for name, ttl := range map[string]time.Duration{"minute.in": time.Minute, "hour.in": time.Hour, "day.in": 24 * time.Hour} {
		must(t, b.Put(t.Context(), name, strings.NewReader("x"), 1, ttl))
	}
	must(t, os.WriteFile(filepath.Join(dir, "blobs", "tmp", "half"), nil, 0o600))
	must(t, b.sweep(time.Now().Add(10*time.Minute)))
	if n := files(t, dir); len(n) != 3 {
		t.Errorf("files after ten minutes: %v", n)
	}
	must(t, b.sweep(time.Now().Add(2*time.Hour)))
	if n := files(t, dir); len(n) != 1 || !strings.Contains(n[0], "day.in") {
		t.Errorf("files after two hours: %v", n)
	}
}

func TestOneProcessPerDataFolder(t *testing.T) {
	dir := t.TempDir()
	embeddedIn(t, dir)
	cfg := DefaultConfig()
	cfg.DataDir = dir
	if _, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "in use by another bgremove") {
		t.Errorf("second queue on the same folder: %v", err)
	}
}

func TestDataFolderThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	cfg := DefaultConfig()
	cfg.DataDir = file
	if _, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "queue.data_dir") {
		t.Errorf("error is %v, want one that names queue.data_dir", err)
	}
}

func TestFSReaderSeesWholeImages(t *testing.T) {
	b := openFiles(t, t.TempDir())
	r, w := io.Pipe()
	done := make(chan error)
	go func() { done <- b.Put(t.Context(), "id.in", r, 2, time.Minute) }()
	_, err := w.Write([]byte{1})
	must(t, err)
	_, err = b.Open(t.Context(), "id.in")
	wantErr(t, err, ErrNotFound)
	_, err = w.Write([]byte{2})
	must(t, err)
	must(t, <-done)
	f, err := b.Open(t.Context(), "id.in")
	must(t, err)
	must(t, f.Close())
}
