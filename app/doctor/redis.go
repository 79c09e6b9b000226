package doctor

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"bgremove/app/settings"
	"bgremove/queue"
	"bgremove/terminal"
)

const (
	oldestMajor, oldestMinor = 6, 2 // of Redis
	slowPing                 = 5 * time.Millisecond
	slowestPing              = 50 * time.Millisecond // one in a hundred
	clockSkew                = time.Second
	fewClients               = 100 // that may still connect
)

// redis looks at the external server. Where it does not answer, or not yet, that
// is all there is to say.
func (d *doctor) redis(ctx context.Context) []finding {
	address := settings.RedactURL(d.cfg.Queue.URL)
	f, err := d.cfg.Queue.Facts(ctx)
	if err != nil {
		d.redisAway.Store(true)
		return []finding{fail("redis", address+": "+reason(err), cmp.Or(d.redisAdvice(err),
			"start it or correct queue.url (address, user and password, rediss:// for TLS, "+
				"queue.mode); redis-cli -u URL ping must answer PONG"))}
	}
	found := []finding{redisVersion(address, f)}
	if f.Loading {
		d.redisAway.Store(true)
		return found
	}
	if f.ConfigHidden {
		found = append(found, warn("redis settings", "the server does not tell its settings "+
			"(CONFIG GET is forbidden, as with many managed ones)",
			"see in its console that maxmemory-policy is noeviction and that data is kept on disk"))
	}
	if !f.Replica {
		found = append(found, d.redisScripts(ctx))
	}
	return append(found, redisPersistence(f), redisEviction(f), d.redisMemory(f), redisClients(f),
		redisLatency(f), d.redisReplicas(f), redisClock(f))
}

// redisAdvice says what to do about what the server answered; empty for what is not known.
func (d *doctor) redisAdvice(err error) string {
	text := err.Error()
	for _, a := range []struct{ has, advice string }{
		{"LOADING", "wait: it still reads its data, and jobs are refused until then"},
		{
			"WRONGPASS",
			"correct the user and password in queue.url (redis://user:password@host:port)",
		},
		{
			"NOAUTH",
			"put the password into queue.url (redis://:password@host:port, or user:password@)",
		},
		// before Redis 6.2
		{"invalid password", "correct the password in queue.url (redis://:password@host:port)"},
		{"NOPERM", d.redisRights()},
		{"executing the script can't", d.redisRights()}, // a command or channel in it
		{"No permissions to access a key", d.redisRights()},
		{"cluster support disabled", "set queue.mode to single: that server is no cluster"},
		{
			"maxmemory",
			"raise maxmemory, lower queue.result_ttl, or keep images elsewhere (queue.blobs)",
		},
		{"MISCONF", "see redis persistence: it takes no jobs while it cannot write to its disk"},
		{"NOREPLICAS", "connect the replicas that its min-replicas-to-write asks for"},
		{
			"max number of clients",
			"raise maxclients of Redis, or end what else is connected (redis-cli client list)",
		},
	} {
		if strings.Contains(text, a.has) {
			return a.advice
		}
	}
	return ""
}

// redisRights is what the user of queue.url must be allowed.
func (d *doctor) redisRights() string {
	name := d.cfg.Queue.Name
	return fmt.Sprintf("give the user its rights: redis-cli acl setuser NAME '~{bg:%s}:*' "+
		"'~bg:blob:*' '&{bg:%s}:*' +@all -@admin -@dangerous +info +config|get", name, name)
}

// redisScripts has it run a script, as every step of a job is one.
func (d *doctor) redisScripts(ctx context.Context) finding {
	const name = "redis scripts"
	if err := d.cfg.Queue.TryScripts(ctx); err != nil {
		return fail(name, reason(err)+": no job can be taken",
			cmp.Or(d.redisAdvice(err), "name a server in queue.url that runs Lua scripts and has "+
				"PUBLISH and SUBSCRIBE, as Redis does"))
	}
	return ok(name, "this user may run them, and hear of jobs")
}

func redisVersion(address string, f queue.ServerFacts) finding {
	const name = "redis"
	what := strings.TrimSpace(f.Name + " " + f.Version)
	switch major, minor, known := versionNumbers(f.Speaks); {
	case f.Replica:
		return fail(name, what+" at "+address+" is a replica: it takes no jobs",
			"name the primary in queue.url, or use queue.mode sentinel")
	case f.Loading:
		return warn(name, what+" at "+address+" still loads its data",
			"wait; jobs are refused until then")
	case !known:
		return warn(name, address+" does not tell its version",
			"see that it is Redis 6.2 or newer, or Valkey")
	case major < oldestMajor || major == oldestMajor && minor < oldestMinor:
		return fail(name, what+" at "+address+" is older than Redis 6.2",
			"install Redis 6.2 or newer, or Valkey")
	}
	return ok(name, "%s at %s", what, address)
}

func versionNumbers(text string) (major, minor int, known bool) {
	parts := strings.SplitN(text, ".", 3)
	if len(parts) < 2 {
		return 0, 0, false
	}
	major, err := strconv.Atoi(parts[0])
	if err != nil {
		return 0, 0, false
	}
	minor, err = strconv.Atoi(parts[1])
	return major, minor, err == nil
}

func redisPersistence(f queue.ServerFacts) finding {
	const name = "redis persistence"
	const advice = "set appendonly yes and appendfsync everysec (a second of jobs may be lost " +
		"with the power) or always (none): redis-cli config set, and in redis.conf"
	switch {
	case f.WriteFailed != "":
		return fail(name, "its last write to disk failed ("+f.WriteFailed+"): it may refuse jobs",
			"look into its log: a full disk, permissions, too little memory to fork")
	case !f.AppendOnly && f.Snapshots:
		return warn(name,
			"appendonly is no: a crash loses the jobs since the last snapshot", advice)
	case !f.AppendOnly && f.ConfigHidden:
		return warn(name, "appendonly is no, and whether there are snapshots it does not say",
			"see in its console that data is kept on disk")
	case !f.AppendOnly:
		return fail(name,
			"appendonly is no and there are no snapshots: a restart loses every job", advice)
	case f.AppendFsync == "no":
		return warn(name,
			"appendonly is yes, appendfsync is no: the loss of power loses some 30 s of jobs",
			advice)
	case f.AppendFsync == "":
		return ok(name, "appendonly is yes")
	}
	return ok(name, "appendonly is yes, appendfsync is %s", f.AppendFsync)
}

func redisEviction(f queue.ServerFacts) finding {
	const name = "redis eviction"
	lost := ""
	if f.Evicted > 0 {
		lost = "; it has thrown away " + terminal.Count(f.Evicted, "key") + " since its start"
	}
	switch {
	case f.Policy == "":
		return warn(name, "the server does not tell its maxmemory-policy"+lost,
			"see in its console that it is noeviction: any other may throw jobs away")
	case f.Policy != "noeviction":
		return fail(name,
			"maxmemory-policy is "+f.Policy+": with its memory full, Redis throws jobs away"+lost,
			"redis-cli config set maxmemory-policy noeviction, and the same in redis.conf")
	case lost != "":
		return warn(name, "maxmemory-policy is noeviction"+lost,
			"see that redis.conf says noeviction too: jobs were lost if they were among them")
	}
	return ok(name, "maxmemory-policy is noeviction")
}

// redisClients compares its connections with what it allows.
func redisClients(f queue.ServerFacts) finding {
	const name = "redis clients"
	text := fmt.Sprintf("%d connected, maxclients is %d", f.Clients, f.MaxClients)
	switch {
	case f.MaxClients == 0:
		return ok(name, "%d connected", f.Clients)
	case f.MaxClients-f.Clients < fewClients:
		return warn(name, text+": it may refuse the connections of a busy process",
			"redis-cli config set maxclients 10000, and the same in redis.conf")
	}
	return ok(name, "%s", text)
}

// redisMemory compares what unfinished jobs may hold with what the server may,
// where it has the images.
func (d *doctor) redisMemory(f queue.ServerFacts) finding {
	const name = "redis memory"
	limit, what := f.MaxMemory, fmt.Sprintf("maxmemory is %d MiB", f.MaxMemory>>20)
	if limit == 0 {
		limit, what = f.TotalMemory, fmt.Sprintf("no maxmemory, its machine has %d MiB",
			f.TotalMemory>>20)
	}
	used := fmt.Sprintf("%d MiB used", f.UsedMemory>>20)
	need := int64(d.cfg.Queue.MaxMiB) << 20
	blobs := d.cfg.Queue.Blobs
	switch {
	case limit > 0 && f.UsedMemory > limit/10*9:
		return fail(name, used+", "+what+": soon jobs will be refused",
			"raise maxmemory, lower queue.result_ttl, or keep images elsewhere (queue.blobs)")
	case blobs == queue.BlobsFS || blobs == queue.BlobsS3:
		return ok(name, "%s, %s; images are kept elsewhere (queue.blobs is %s)", used, what, blobs)
	case need == 0:
		return warn(name, used+", "+what+"; queue.max_mib is 0, so that jobs may fill it",
			"set queue.max_mib to half of what Redis may use, or keep images elsewhere "+
				"(queue.blobs)")
	case limit > 0 && need > limit:
		return warn(name, fmt.Sprintf(
			"%s, %s; unfinished jobs may hold %d MiB (queue.max_mib), and results come on top",
			used, what, need>>20),
			fmt.Sprintf("set queue.max_mib to %d or less, give Redis more, or keep images "+
				"elsewhere (queue.blobs)", max(limit>>21, 1)))
	case f.MaxMemory == 0:
		return warn(name, used+", "+what+": Redis takes memory until the kernel ends it",
			"set maxmemory to some three quarters of what its machine has for it")
	}
	return ok(name, "%s, %s, queue.max_mib is %d", used, what, d.cfg.Queue.MaxMiB)
}

func redisLatency(f queue.ServerFacts) finding {
	const name = "redis latency"
	text := fmt.Sprintf("median %s, p99 %s of %s",
		short(f.Ping), short(f.PingP99), terminal.Count(f.Pings, "ping"))
	if f.Ping > slowPing || f.PingP99 > slowestPing {
		return warn(name, text+": each job asks some ten times",
			"put Redis nearer, or look for what else loads it (redis-cli --latency, SLOWLOG GET)")
	}
	return ok(name, "%s", text)
}

func (d *doctor) redisReplicas(f queue.ServerFacts) finding {
	const name = "redis replicas"
	asked := d.cfg.Queue.MinReplicas
	text := fmt.Sprintf("%d connected, queue.min_replicas is %d", f.Replicas, asked)
	switch {
	case f.Replicas < asked:
		return fail(name, text+": every job will be refused",
			fmt.Sprintf("connect %d more, or lower queue.min_replicas", asked-f.Replicas))
	case asked > 0 && f.Replicas == asked:
		return warn(name, text+": the loss of one, or a fail-over, has jobs refused",
			"connect one more")
	case asked == 0 && f.Replicas > 0:
		return ok(name, "%s: a fail-over may lose the latest jobs", text)
	}
	return ok(name, "%s", text)
}

func redisClock(f queue.ServerFacts) finding {
	const name = "redis clock"
	if f.Skew.Abs() > clockSkew {
		return warn(name, fmt.Sprintf("is %s off this machine's", short(f.Skew)),
			"run NTP on both (chronyc tracking, timedatectl): waits and ages are told wrongly")
	}
	return ok(name, "within %s of this machine's", short(f.Skew.Abs()))
}

// short is d with three figures or so.
func short(d time.Duration) string {
	switch abs := d.Abs(); {
	case abs < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case abs < time.Second:
		return d.Round(100 * time.Microsecond).String()
	}
	return terminal.Duration(d.Round(10 * time.Millisecond))
}
