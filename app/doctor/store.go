package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"bgremove/queue"
)

const (
	fsyncs      = 20
	slowFsync   = 30 * time.Millisecond
	fewInodes   = 20_000
	filesAJob   = 4 // in the data folder, at most
	slowStore   = 250 * time.Millisecond
	dataFolders = "queue.data_dir (--data-dir)"
)

// dataFolder looks at where an embedded queue keeps its jobs.
func (d *doctor) dataFolder(ctx context.Context) []finding {
	const name = "data folder"
	folder, err := d.cfg.Queue.ImageFolder()
	if err != nil {
		return []finding{fail(name, err.Error(), "set "+dataFolders)}
	}
	found, exists := usable(ctx, name, folder)
	if !exists {
		return found
	}
	switch locked, err := queue.Locked(folder); {
	case d.cfg.Queue.Ephemeral:
	case err != nil:
		found = append(found,
			fail(name, err.Error(), "have the service's user own it: chown -R USER "+folder))
	case locked:
		found = append(found, warn(name, folder+" is in use by a running bgremove",
			"nothing if that is the service; a second one needs another "+dataFolders))
	}
	return found
}

// usable says whether files can be made in folder, or folder itself where it does not exist, and
// how long they take to be on disk.
func usable(ctx context.Context, name, folder string) (found []finding, exists bool) {
	there, err := existing(folder)
	if errors.Is(err, syscall.ENOTDIR) {
		return []finding{fail(name, folder+" cannot be made: "+err.Error(),
			"set "+dataFolders+" to a folder: there is a file in the way")}, false
	} else if err != nil {
		return []finding{fail(name, err.Error(),
			"have the service's user own it, or set "+dataFolders)}, false
	}
	median, err := measureFsync(ctx, there)
	if err != nil {
		text := err.Error()
		if there != folder {
			text = folder + " cannot be made: " + text
		}
		return []finding{fail(name, text, "have the service's user own it, or set "+dataFolders)},
			false
	}
	text := folder + " is writable"
	if there != folder {
		text = folder + " can be made"
	}
	if median > slowFsync {
		found = append(found, warn(name, fmt.Sprintf(
			"%s, but a write takes %s to be on disk (median of %d)", text, short(median), fsyncs),
			"use a local SSD; accepting a job waits for two such writes"))
	} else {
		found = append(found,
			ok(name, "%s, a write is on disk in %s (median of %d)", text, short(median), fsyncs))
	}
	if owner, differs := ownedByOther(there); differs {
		found = append(found, warn(name,
			fmt.Sprintf("%s belongs to user %d, and this is user %d", there, owner, os.Getuid()),
			"run doctor as the user that runs the service"))
	}
	return found, there == folder
}

// existing is folder, or the nearest above it that exists. Where that is a file, the error is an
// ENOTDIR that names it.
func existing(folder string) (string, error) {
	for dir := folder; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		switch {
		case err == nil && !info.IsDir():
			return "", &fs.PathError{Op: "use", Path: dir, Err: syscall.ENOTDIR}
		case err == nil:
			return dir, nil
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) ||
			dir == filepath.Dir(dir):
			return "", err
		}
	}
}

func ownedByOther(dir string) (owner uint32, differs bool) {
	info, err := os.Stat(dir)
	if err != nil {
		return 0, false
	}
	stat, isUnix := info.Sys().(*syscall.Stat_t)
	// Only root works in the folders of others unnoticed.
	return stat.Uid, isUnix && os.Getuid() == 0 && stat.Uid != 0
}

// measureFsync is the median time of a small write that is waited for.
func measureFsync(ctx context.Context, dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, ".bgremove-doctor-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 4<<10)
	var took []time.Duration
	for len(took) < fsyncs && ctx.Err() == nil {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(start))
	}
	if len(took) == 0 {
		return 0, ctx.Err()
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

// images has the store of an external queue take an image and give it back.
func (d *doctor) images(ctx context.Context) []finding {
	const name = "images"
	advice := "see that Redis has memory left and lets this user write"
	switch d.cfg.Queue.Blobs {
	case queue.BlobsAuto, queue.BlobsRedis:
		if d.redisAway.Load() { // to wait for it once is enough
			return []finding{fail(name,
				"not tried: they are kept in Redis, which cannot be used", "see redis")}
		}
	case queue.BlobsFS:
		advice = "see that " +
			dataFolders + " is shared by all parts and writable for the service's user"
		folder, err := d.cfg.Queue.ImageFolder()
		if err != nil {
			return []finding{fail(name, err.Error(), "set "+dataFolders)}
		}
		// it is for the service to make: it would be this user's otherwise
		if found, exists := usable(ctx, name, folder); !exists {
			return found
		}
		if _, err := os.Stat(filepath.Join(folder, "tmp")); err != nil {
			return []finding{warn(name, folder+" is not bgremove's yet: "+err.Error(),
				"nothing before the first start")}
		}
	case queue.BlobsS3:
		advice = "see queue.s3_endpoint, s3_bucket (it must exist), s3_region, and that the keys " +
			"allow what docs/storage.md lists"
	}
	put, get, remove, err := d.cfg.Queue.RoundTrip(ctx)
	where := d.cfg.Queue.Blobs
	if where == queue.BlobsAuto {
		where = queue.BlobsRedis
	}
	switch {
	case err != nil:
		return []finding{fail(name, "in "+where+": "+reason(err), advice)}
	case put > slowStore || get > slowStore:
		return []finding{warn(name,
			fmt.Sprintf("in %s: 64 KiB are put in %s, fetched in %s, deleted in %s",
				where, short(put), short(get), short(remove)),
			"bring the store nearer: each job puts two images and fetches two")}
	}
	return []finding{ok(name, "in %s: 64 KiB are put in %s, fetched in %s, deleted in %s", where,
		short(put), short(get), short(remove))}
}

// disk compares what is free with the reserve.
func (d *doctor) disk(context.Context) []finding {
	const name = "disk"
	folder, err := d.cfg.Queue.ImageFolder()
	if err != nil || folder == "" {
		return nil // the data folder's check tells; nothing is kept on a disk
	}
	there, err := existing(folder)
	if err != nil {
		return nil
	}
	var stat unix.Statfs_t
	if err := unix.Statfs(there, &stat); err != nil {
		return []finding{warn(name, fmt.Sprintf("%s: %v", there, err),
			"see how much is free there with df")}
	}
	return d.space(there, int64(stat.Bavail)*stat.Bsize, int64(stat.Files), int64(stat.Ffree))
}

// space is disk for a file system with free bytes, and inodes where it counts them.
func (d *doctor) space(folder string, free, inodes, freeInodes int64) (found []finding) {
	const name = "disk"
	reserve, jobs := int64(d.cfg.Queue.DiskReserve)<<20, int64(d.cfg.Queue.MaxMiB)<<20
	text := fmt.Sprintf("%d MiB free in %s", free>>20, folder)
	switch {
	case free < reserve:
		found = append(found, fail(name,
			fmt.Sprintf("%s, the reserve is %d MiB (queue.disk_reserve_mib): jobs are refused",
				text, reserve>>20),
			"free or add space, set "+dataFolders+" to a larger disk, or lower the reserve"))
	case free-reserve < jobs:
		found = append(found, warn(name, fmt.Sprintf("%s, less than unfinished jobs may hold "+
			"(queue.max_mib, %d MiB) beside the reserve of %d MiB", text, jobs>>20, reserve>>20),
			fmt.Sprintf("add space, or set queue.max_mib to %d or less: results need room too",
				max(1, (free-reserve)>>21))))
	default:
		found = append(found, ok(name, "%s, the reserve is %d MiB", text, reserve>>20))
	}
	if inodes > 0 && freeInodes < max(fewInodes, int64(d.cfg.Queue.MaxDepth)*filesAJob) {
		found = append(found,
			warn("inodes", fmt.Sprintf("%d of %d are free in %s, and a job takes up to %d",
				freeInodes, inodes, folder, filesAJob),
				"delete files there, or make the file system anew with more (mkfs.ext4 -N)"))
	}
	return found
}
