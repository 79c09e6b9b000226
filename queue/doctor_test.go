package queue

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bgremove/queue/queuetest"
	"bgremove/queue/store/spool"
)

func TestFacts(t *testing.T) {
	for _, kind := range []struct {
		name string
		set  func(t *testing.T, c *Config)
	}{
		{"single", func(t *testing.T, c *Config) { c.URL = queuetest.StartRedis(t).URL() }},
		{"cluster", func(t *testing.T, c *Config) {
			c.URL, c.Mode = queuetest.StartCluster(t).URL(), ModeCluster
		}},
		{"sentinel", func(t *testing.T, c *Config) {
			c.URL, c.Mode = queuetest.StartSentinel(t, "main").
				URL()+"?master_name=main", ModeSentinel
		}},
	} {
		t.Run(kind.name, func(t *testing.T) {
			cfg := DefaultConfig()
			kind.set(t, &cfg)
			f, err := cfg.Facts(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if f.Version == "" || f.Replica || f.Policy != "noeviction" || f.AppendFsync == "" ||
				f.ConfigHidden || f.UsedMemory == 0 {
				t.Errorf("facts are %+v", f)
			}
			if f.Pings == 0 || f.Ping <= 0 || f.PingP99 < f.Ping || f.Skew.Abs() > time.Second {
				t.Errorf("%d pings took %v and %v, the skew is %v",
					f.Pings, f.Ping, f.PingP99, f.Skew)
			}
		})
	}
}

// Managed servers rename CONFIG or forbid it: the facts that INFO has too are known all the same.
func TestFactsWithoutConfig(t *testing.T) {
	server := queuetest.StartRedis(t)
	cfg := DefaultConfig()
	cfg.URL = server.URL()
	dial, err := cfg.dial()
	if err != nil {
		t.Fatal(err)
	}
	admin := dial()
	defer admin.Close()
	if err := admin.ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err(); err != nil {
		t.Fatal(err)
	}
	if err := admin.Do(t.Context(), "ACL", "SETUSER", "managed", "on", ">hunter2", "~*", "&*",
		"+@all", "-config").Err(); err != nil {
		t.Fatal(err)
	}
	cfg.URL = strings.Replace(server.URL(), "redis://", "redis://managed:hunter2@", 1)
	f, err := cfg.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !f.ConfigHidden || f.Policy != "allkeys-lru" || f.AppendFsync != "" {
		t.Errorf("facts are %+v", f)
	}
	cfg.URL = strings.Replace(cfg.URL, "hunter2", "hunter3", 1)
	if _, err := cfg.Facts(t.Context()); err == nil || strings.Contains(err.Error(), "hunter") {
		t.Errorf("wrong password: %v", err)
	}
}

func TestReadInfo(t *testing.T) {
	for _, test := range []struct {
		info string
		want ServerFacts
	}{
		{"redis_version:6.0.16\r\nrole:slave\r\nloading:1\r\n", ServerFacts{
			Name: "redis", Version: "6.0.16", Speaks: "6.0.16", Replica: true, Loading: true,
		}},
		{
			"redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0\r\n" +
				"connected_slaves:2\r\naof_enabled:1\r\naof_last_write_status:err\r\n",
			ServerFacts{
				Name: "valkey", Version: "8.1.0", Speaks: "7.2.4", Replicas: 2,
				AppendOnly: true, WriteFailed: "aof_last_write_status:err",
			},
		},
		{"redis_version:7.4.0\r\ndragonfly_version:df-v1.30.0\r\nmaxmemory:9\r\n" +
			"evicted_keys:3\r\nconnected_clients:4\r\nmaxclients:5\r\n", ServerFacts{
			Name: "dragonfly", Version: "1.30.0", Speaks: "7.4.0",
			MaxMemory: 9, Evicted: 3, Clients: 4, MaxClients: 5,
		}},
		{"", ServerFacts{Name: "redis"}},
	} {
		if got := readInfo(test.info); got != test.want {
			t.Errorf("%q: got %+v, want %+v", test.info, got, test.want)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	server := queuetest.StartRedis(t)
	cfg := DefaultConfig()
	cfg.URL = server.URL()
	for _, blobs := range []string{BlobsAuto, BlobsFS} {
		cfg.Blobs, cfg.DataDir = blobs, t.TempDir()
		if put, get, remove, err := cfg.RoundTrip(t.Context()); err != nil || put <= 0 ||
			get <= 0 || remove <= 0 {
			t.Errorf("%s: %v %v %v %v", blobs, put, get, remove, err)
		}
		left, err := filepath.Glob(filepath.Join(cfg.DataDir, "blobs", "*", "*"))
		if shards, _ := filepath.Glob(filepath.Join(cfg.DataDir, "blobs", "??")); err != nil ||
			len(left)+len(shards) > 0 {
			t.Errorf("%s: left %v %v, %v", blobs, left, shards, err)
		}
	}
	dial, err := cfg.dial()
	if err != nil {
		t.Fatal(err)
	}
	client := dial()
	defer client.Close()
	if keys, err := client.Keys(t.Context(), "*").Result(); err != nil || len(keys) > 0 {
		t.Errorf("left %v, %v", keys, err)
	}
	s3 := DefaultConfig()
	s3.URL = server.URL()
	useS3(t, &s3, queuetest.StartS3(t))
	if _, _, _, err := s3.RoundTrip(t.Context()); err != nil {
		t.Error(err)
	}
	s3.S3Bucket = "no-such-bucket"
	if _, _, _, err := s3.RoundTrip(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "no-such-bucket") {
		t.Errorf("without a bucket: %v", err)
	}
	cfg.URL, cfg.Blobs = "redis://127.0.0.1:1", BlobsAuto
	if _, _, _, err := cfg.RoundTrip(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("without a server: %v", err)
	}
}

// What TryScripts says disturbs nobody, and stays in no server.
func TestTryScripts(t *testing.T) {
	for _, kind := range []struct {
		name string
		set  func(t *testing.T, c *Config)
	}{
		{"single", func(t *testing.T, c *Config) { c.URL = queuetest.StartRedis(t).URL() }},
		{"cluster", func(t *testing.T, c *Config) {
			c.URL, c.Mode = queuetest.StartCluster(t).URL(), ModeCluster
		}},
	} {
		t.Run(kind.name, func(t *testing.T) {
			cfg := DefaultConfig()
			kind.set(t, &cfg)
			dial, err := cfg.dial()
			if err != nil {
				t.Fatal(err)
			}
			client := dial()
			defer client.Close()
			prefix := "{bg:" + cfg.Name + "}"
			if err := client.Set(t.Context(), prefix+":seq", 7, 0).Err(); err != nil {
				t.Fatal(err)
			}
			sub := client.Subscribe(t.Context(), prefix+":events")
			defer sub.Close()
			if _, err := sub.Receive(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := cfg.TryScripts(t.Context()); err != nil {
				t.Fatal(err)
			}
			if m, err := sub.ReceiveMessage(t.Context()); err != nil || m.Payload != "7 doctor" {
				t.Errorf("told %v, %v", m, err)
			}
			if keys, err := client.Keys(t.Context(), "*").Result(); err != nil || len(keys) != 1 {
				t.Errorf("left %v, %v", keys, err)
			}
		})
	}
}

func TestLocked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	want := func(locked bool) {
		t.Helper()
		if got, err := Locked(dir); got != locked || err != nil {
			t.Errorf("locked is %v, %v; want %v", got, err, locked)
		}
	}
	want(false)
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder was made")
	}
	s, err := spool.Open(dir, spool.Options{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	want(true)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	want(false)
}
