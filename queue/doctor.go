package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	facts       = 5 * time.Second // to ask a server for its facts at most
	pings       = 200
	pingsTake   = time.Second // at most: a far server is asked less often
	roundTripOf = 64 << 10    // bytes of the image that is put and fetched
)

// ServerFacts are what an external server tells of itself. A managed one may keep some back.
type ServerFacts struct {
	Name    string // "redis", "valkey", "dragonfly" or what else it says
	Version string // as the server numbers itself
	Speaks  string // the version of Redis that it is compatible with

	Replica  bool // it takes no writes
	Replicas int  // that are connected to it
	// it still reads its data, and answers nothing else until it has: what INFO lacks is not known
	Loading bool

	Clients    int64 // connections that it has
	MaxClients int64 // that it allows; 0 where it does not say
	Evicted    int64 // keys that it has thrown away since its start

	AppendOnly   bool
	AppendFsync  string // always, everysec or no; empty where the server does not say
	Snapshots    bool   // it is configured to save RDB snapshots; false where it does not say
	WriteFailed  string // why its last write to disk failed; empty where it did not
	Policy       string // of eviction; empty where the server does not say
	MaxMemory    int64  // bytes; 0 for no limit
	UsedMemory   int64  // bytes
	TotalMemory  int64  // bytes that its machine has; 0 where it does not say
	ConfigHidden bool   // CONFIG GET is forbidden

	Ping, PingP99 time.Duration // median and 99th percentile
	Pings         int
	Skew          time.Duration // how far its clock is ahead of this machine's
}

// Facts asks the external server that c names; in a cluster, the node that has the queue. It takes
// 5 s at most, and its errors hold no password.
func (c Config) Facts(ctx context.Context) (ServerFacts, error) {
	dial, err := c.dial()
	if err != nil {
		return ServerFacts{}, fmt.Errorf("queue.url: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, facts)
	defer cancel()
	client := dial()
	defer client.Close()
	node := redis.Cmdable(client)
	if cluster, ok := client.(*redis.ClusterClient); ok {
		if node, err = cluster.MasterForKey(ctx, "{bg:"+c.Name+"}:lease"); err != nil {
			return ServerFacts{}, unavailable("find the queue's node", err)
		}
	}
	info, err := node.Info(ctx).Result() // before all else: it is answered while data is loaded
	if err != nil {
		return ServerFacts{}, unavailable("ask for INFO", err)
	}
	f := readInfo(info)
	if f.Loading {
		return f, nil
	}
	f.readConfig(ctx, node)
	return f, f.measure(ctx, node)
}

// readInfo reads the lines "key:value" of INFO.
func readInfo(info string) (f ServerFacts) {
	values := map[string]string{}
	for line := range strings.Lines(info) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			values[key] = value
		}
	}
	f = ServerFacts{
		Name: "redis", Version: values["redis_version"], Speaks: values["redis_version"],
		Replica:  values["role"] == "slave",
		Replicas: int(number(values["connected_slaves"])), Loading: values["loading"] == "1",
		AppendOnly: values["aof_enabled"] == "1", Policy: values["maxmemory_policy"],
		MaxMemory: number(values["maxmemory"]), UsedMemory: number(values["used_memory"]),
		TotalMemory: number(values["total_system_memory"]),
		Clients:     number(values["connected_clients"]), MaxClients: number(values["maxclients"]),
		Evicted: number(values["evicted_keys"]),
	}
	if name := values["server_name"]; name != "" {
		f.Name = name
	}
	for _, name := range []string{"valkey", "dragonfly"} {
		if version := values[name+"_version"]; version != "" {
			f.Name, f.Version = name, strings.TrimPrefix(version, "df-v")
		}
	}
	for _, key := range []string{
		"aof_last_write_status", "rdb_last_bgsave_status", "aof_last_bgrewrite_status",
	} {
		if status := values[key]; status != "" && status != "ok" {
			f.WriteFailed = key + ":" + status
		}
	}
	return f
}

// readConfig adds what INFO lacks.
func (f *ServerFacts) readConfig(ctx context.Context, node redis.Cmdable) {
	for name, use := range map[string]func(value string){
		"appendfsync":      func(v string) { f.AppendFsync = v },
		"save":             func(v string) { f.Snapshots = v != "" },
		"maxmemory-policy": func(v string) { f.Policy = v },
	} {
		values, err := node.ConfigGet(ctx, name).Result()
		if err != nil {
			f.ConfigHidden = true
			continue
		}
		if value, ok := values[name]; ok {
			use(value)
		}
	}
}

// measure pings and compares clocks: by the quickest answers, where the way there and
// back distorts the least.
func (f *ServerFacts) measure(ctx context.Context, node redis.Cmdable) error {
	until := time.Now().Add(pingsTake)
	var took []time.Duration
	for len(took) < pings && (len(took) == 0 || time.Now().Before(until)) {
		start := time.Now()
		if err := node.Ping(ctx).Err(); err != nil {
			return unavailable("ping", err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	f.Pings, f.Ping, f.PingP99 = len(took), took[len(took)/2],
		took[min(len(took)-1, len(took)*99/100)]

	quickest := time.Duration(-1)
	for range 5 {
		start := time.Now()
		there, err := node.Time(ctx).Result()
		if err != nil {
			return unavailable("ask for TIME", err)
		}
		if rtt := time.Since(start); quickest < 0 || rtt < quickest {
			quickest, f.Skew = rtt, there.Sub(start.Add(rtt/2))
		}
	}
	return nil
}

// doctorScript writes, deletes and tells as the transitions do. It repeats the last number, so that
// those who listen miss none. KEYS[1]: a key of the queue; ARGV[1]: T, the prefix of every key
// Output: 1
const doctorScript = `--!df flags=allow-undeclared-keys
redis.call('SET', KEYS[1], 1, 'PX', 1000)
redis.call('PUBLISH', ARGV[1] .. ':events', (redis.call('GET', ARGV[1] .. ':seq') or 0) .. ' doctor')
return redis.call('DEL', KEYS[1])`

// TryScripts does at the external server that c names what every job needs: a question as
// Queue.Check asks it, a script, and a subscription to what it tells. It leaves nothing behind.
func (c Config) TryScripts(ctx context.Context) (err error) {
	q := &Queue{cfg: c, prefix: "{bg:" + c.Name + "}"}
	if err := q.connect(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.closeServer()) }()
	if err := q.redis.Exists(ctx, q.prefix+":stats").Err(); err != nil {
		return unavailable("look for a key", err)
	}
	if err := redis.NewScript(doctorScript).
		Run(ctx, q.redis, []string{q.prefix + ":doctor"}, q.prefix).Err(); err != nil {
		return unavailable("run a script", err)
	}
	sub := q.redis.Subscribe(ctx, q.prefix+":events")
	defer sub.Close()
	_, err = sub.Receive(ctx)
	return unavailable("subscribe to events", err)
}

// ImageFolder returns where c keeps images as files, empty where it does not. It need not exist
// yet.
func (c Config) ImageFolder() (string, error) {
	if c.Ephemeral {
		return os.TempDir(), nil
	}
	if !c.Embedded() && c.Blobs != BlobsFS && c.DataDir == "" {
		return "", nil
	}
	dir, err := dataDir(c)
	if err != nil {
		return "", err
	}
	if c.Embedded() {
		return filepath.Join(dir, "spool"), nil
	}
	return filepath.Join(dir, "blobs"), nil
}

// Locked reports whether a process works with the embedded queue in folder.
func Locked(folder string) (bool, error) {
	f, err := os.Open(filepath.Join(filepath.Clean(folder), "LOCK"))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	defer f.Close() // gives back what it got
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}

// RoundTrip puts an image of 64 KiB into the store of an external queue, fetches and
// deletes it, and says what these took. It leaves nothing behind. Where images are files,
// their folder must exist.
func (c Config) RoundTrip(ctx context.Context) (put, get, remove time.Duration, err error) {
	if c.Embedded() {
		return 0, 0, 0, errors.New("an embedded queue keeps each image with its job")
	}
	q := &Queue{cfg: c}
	if err := q.connect(); err != nil {
		return 0, 0, 0, err
	}
	defer func() { err = errors.Join(err, q.closeServer()) }()
	if err := q.openBlobs(); err != nil {
		return 0, 0, 0, err
	}
	defer q.blobs.close()
	ref := q.blobs.newRef(newID(), "doctor")
	defer q.tidy(ctx, ref)()

	image := bytes.Repeat([]byte("bgremove"), roundTripOf/8)
	start := time.Now()
	if err := q.blobs.Put(ctx, ref, image, time.Minute); err != nil {
		return 0, 0, 0, fmt.Errorf("put an image: %w", err)
	}
	put, start = time.Since(start), time.Now()
	got, err := q.blobs.Get(ctx, ref)
	if err == nil && !bytes.Equal(got, image) {
		err = fmt.Errorf("%d bytes came back that are not the %d that were put",
			len(got), len(image))
	}
	if err != nil {
		return 0, 0, 0, fmt.Errorf("get the image: %w", err)
	}
	get, start = time.Since(start), time.Now()
	if err := q.blobs.Delete(ctx, ref); err != nil {
		return 0, 0, 0, fmt.Errorf("delete the image: %w", err)
	}
	return put, get, time.Since(start), nil
}

// tidy returns what removes all that a round trip may have left, the folder that was made for its
// file too: it may belong to another user than the server's.
func (q *Queue) tidy(ctx context.Context, ref string) func() {
	folder := ""
	if _, name, _ := strings.Cut(ref, ":"); q.blobs.scheme == BlobsFS {
		if path, err := q.blobs.fs.Path(name); err == nil {
			if _, err := os.Stat(filepath.Dir(path)); err != nil {
				folder = filepath.Dir(path)
			}
		}
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second/2)
		defer cancel()
		_ = q.blobs.Delete(ctx, ref) // it expires otherwise
		if folder != "" {
			_ = os.Remove(folder) // others' files keep it
		}
	}
}
