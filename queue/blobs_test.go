package queue

import (
	"bytes"
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
	must(t, b.Put(ctx, ref, image, time.Minute))
	if got, err := q.read(ctx, ref); err != nil || !bytes.Equal(got, image) {
		t.Errorf("read %d bytes back, %v", len(got), err)
	}
	must(t, b.Touch(ctx, ref, time.Hour))
	must(t, b.Check(ctx))
	must(t, b.Delete(ctx, ref))
	must(t, b.Delete(ctx, ref))
	wantErr(t, b.Touch(ctx, ref, time.Hour), ErrNotFound)
	_, err := b.Get(ctx, ref)
	wantErr(t, err, ErrNotFound)

	short := b.newRef(newID(), "in")
	must(t, b.Put(ctx, short, []byte("x"), 20*time.Millisecond))
	if q.blobs.scheme != BlobsS3 { // which keeps it until its job is gone
		<-time.After(40 * time.Millisecond)
		_, err = b.Get(ctx, short)
		wantErr(t, err, ErrNotFound)
	}

	for _, ref := range []string{
		"fs:../LOCK", "fs:/etc/passwd", "fs:", "fs:.", "s3:a/b",
		"s3:images/secret", "s3:images/bgremove/Blobs/../x", "nonsense", "",
	} {
		if _, err := b.Get(ctx, ref); err == nil {
			t.Errorf("reference %q was followed", ref)
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

func TestOneProcessPerDataFolder(t *testing.T) {
	dir := t.TempDir()
	embeddedIn(t, dir)
	cfg := DefaultConfig()
	cfg.DataDir = dir
	if _, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler)); err == nil ||
		!strings.Contains(err.Error(), "in use by another bgremove") {
		t.Errorf("second queue on the same folder: %v", err)
	}
}

func TestDataFolderThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	cfg := DefaultConfig()
	cfg.DataDir = file
	if _, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler)); err == nil ||
		!strings.Contains(err.Error(), "queue.data_dir") {
		t.Errorf("error is %v, want one that names queue.data_dir", err)
	}
}
