package queue

import (
	"bufio"
	"context"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"bgremove/queue/queuetest"
)

// keyFamily is a row of KEYS.md.
type keyFamily struct {
	name  string
	key   *regexp.Regexp
	types string
	seen  bool
}

func keyFamilies(t *testing.T) (all []*keyFamily) {
	t.Helper()
	text, err := os.ReadFile("KEYS.md")
	must(t, err)
	places := strings.NewReplacer(
		"T:", `\{bg:default\}:`, "{ID}", `\{[0-9a-f]{32}\}`, "ID", "[0-9a-f]{32}",
		":P:TENANT", ":[012]:.+",
		":P", ":[012]", "HOUR", `\d+`, "OWNER", ".+", "KEY", ".+", "CALL", ".+", "TOKEN",
		".+", "KIND", ".+")
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) != 8 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		name := strings.Trim(cells[1], " `")
		key := regexp.MustCompile("^" + places.Replace(name) + "$")
		all = append(all, &keyFamily{name: name, key: key, types: cells[2]})
	}
	return all
}

// typeOf returns what type of key a command is for, empty for one that does not tell.
func typeOf(command string) string {
	switch command = strings.ToUpper(command); {
	case strings.Contains(" GET SET SETNX INCR ", " "+command+" "):
		return "string"
	case strings.HasPrefix(command, "H"):
		return "hash"
	case strings.HasPrefix(command, "Z"):
		return "sorted set"
	case strings.Contains(" LPUSH RPUSH LPOP BLPOP LREM LLEN LINDEX LRANGE LTRIM ",
		" "+command+" "):
		return "list"
	case strings.Contains(" SADD SREM SISMEMBER ", " "+command+" "):
		return "set"
	}
	return ""
}

// TestKeysAreDocumented holds KEYS.md against every command that a server gets in a full life of
// jobs.
func TestKeysAreDocumented(t *testing.T) {
	cfg := DefaultConfig()
	group, master := queuetest.StartReplicated(t, "keys", 1)
	cfg.URL, cfg.Mode, cfg.MinReplicas = group.URL, ModeSentinel, 1
	useS3(t, &cfg, queuetest.StartS3(t))
	cfg.Blobs = BlobsRedis
	said := monitor(t, master.Addr, func() {
		liveFully(t, open(t, cfg))
		must(t, cfg.TryScripts(t.Context()))
	})
	families := keyFamilies(t)
	word := regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)
	for _, line := range said {
		words := word.FindAllStringSubmatch(line, -1)
		channels := []string{"publish", "subscribe"} // are for no keys
		if len(words) < 2 || slices.Contains(channels, strings.ToLower(words[0][1])) {
			continue
		}
		for _, w := range words[1:] {
			key, err := strconv.Unquote(`"` + w[1] + `"`)
			must(t, err)
			if !strings.HasPrefix(key, "{bg:default}:") && !strings.HasPrefix(key, "bg:") {
				break // the keys come first
			}
			checkKey(t, families, words[0][1], key)
		}
	}
	for _, f := range families {
		if !f.seen {
			t.Errorf("%s is in KEYS.md, but no command was for it", f.name)
		}
	}
}

func checkKey(t *testing.T, families []*keyFamily, command, key string) {
	t.Helper()
	var found []string
	for _, f := range families {
		if !f.key.MatchString(key) {
			continue
		}
		f.seen = true
		found = append(found, f.name)
		if kind := typeOf(command); kind != "" && !strings.Contains(f.types, " "+kind+" ") {
			t.Errorf("%s %s: KEYS.md says that it is a%s", command, key, f.types)
		}
	}
	if len(found) != 1 {
		t.Errorf("%s %s: in KEYS.md it is %v, want one", command, key, found)
	}
}

// monitor returns what the server was told during what is done, scripts included.
func monitor(t *testing.T, addr string, do func()) (said []string) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = conn.Write([]byte("MONITOR\r\n"))
	must(t, err)
	lines := bufio.NewReader(conn)
	_, err = lines.ReadString('\n') // +OK
	must(t, err)
	done := make(chan error, 1)
	go func() {
		for {
			line, err := lines.ReadString('\n')
			if err != nil || strings.Contains(line, "the end of the test") {
				done <- err
				return
			}
			said = append(said, line)
		}
	}()
	do()
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer client.Close()
	must(t, client.Echo(t.Context(), "the end of the test").Err())
	must(t, <-done)
	return said
}

// liveFully has jobs go every way that there is.
func liveFully(t *testing.T, q *Queue) {
	t.Helper()
	ctx, c := t.Context(), consumer(t, q)
	fault := Fault{Code: "x", Transient: true, Suspect: true}
	q.cfg.BackoffBase, q.cfg.BackoffMax = time.Millisecond, time.Millisecond

	r := Request{
		Image: []byte("in"), Tenant: "a", IdempotencyKey: "key",
		Fingerprint: "print", Cache: "alike",
		Callback: "http://a",
	}
	id := enqueue(t, q, r)
	enqueue(t, q, r) // the same again
	_, err := c.Fail(ctx, claim(t, c), fault)
	must(t, err)
	j := claim(t, c)
	_, err = c.Heartbeat(ctx, []Claimed{j})
	must(t, err)
	_, err = c.Input(ctx, j)
	must(t, err)
	must(t, c.Complete(ctx, j, []byte("out"), ""))
	_, err = q.Output(ctx, wantState(t, q, id, Succeeded))
	must(t, err)
	h := q.Hooks()
	due, err := h.Due(ctx, time.Minute)
	must(t, err)
	_, err = h.Settle(ctx, due.Delivery, HookOutcome{State: HookDelivered})
	must(t, err)
	must(t, q.Delete(ctx, id))
	_, err = q.Job(ctx, id)
	wantErr(t, err, ErrNotFound)

	id = enqueue(t, q, Request{})
	_, err = c.Fail(ctx, claim(t, c), Fault{Code: "x"})
	must(t, err)
	must(t, q.Requeue(ctx, id))
	must(t, q.Cancel(ctx, id))
	for range 20 { // more than stand in the common list
		id = enqueue(t, q, Request{Tenant: "b"})
	}
	must(t, q.Cancel(ctx, id))
	must(t, c.Release(ctx, claim(t, c)))
	_, _, err = q.List(ctx, Filter{All: true}, 10, 0)
	must(t, err)
	_, err = q.Stats(ctx)
	must(t, err)
	idle, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	must(t, c.Idle(idle, 0))

	spent, err := q.Spend(ctx, "a", 1, 10)
	must(t, err)
	must(t, q.Refund(ctx, spent))
	_, err = q.Rate(ctx)
	must(t, err)
	must(t, q.sweepS3InTurn(ctx, time.Now()))
}
