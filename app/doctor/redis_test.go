package doctor

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"bgremove/queue"
	"bgremove/queue/queuetest"
)

// A user may ping and lack what every job needs.
func TestDoctorRedisUsers(t *testing.T) {
	inDirWith(t, "")
	user := func(name string, rights ...string) []string {
		return append([]string{"--user", name, "on", ">secret"}, rights...)
	}
	server := queuetest.StartRedis(t, slices.Concat(
		user("all", "~*", "&*", "+@all"),
		user("noscripts", "~*", "&*", "+@all", "-@scripting"),
		user("nochannels", "~*", "resetchannels", "+@all"),
		user("readonly", "~*", "&*", "+@all", "-@write"),
		user("others", "~other:*", "&*", "+@all"),
		user("noinfo", "~*", "&*", "+@all", "-info"),
		user("advised", "~{bg:default}:*", "~bg:blob:*", "&{bg:default}:*", "+@all", "-@admin",
			"-@dangerous", "+info", "+config|get"),
	)...)
	advised := defaults("batch").redisRights()
	for _, test := range []struct{ user, check, status, found, advice string }{
		{"all:secret", "redis scripts", checkOK, "may run them", ""},
		{"noscripts:secret", "redis scripts", checkFail, "NOPERM", advised},
		{"nochannels:secret", "redis scripts", checkFail, "can't publish to the channel", advised},
		{"readonly:secret", "redis scripts", checkFail, "can't run this command", advised},
		{"others:secret", "redis scripts", checkFail, "no permissions to access", advised},
		{"noinfo:secret", "redis", checkFail, "NOPERM", advised},
		{"all:wrong", "redis", checkFail, "WRONGPASS", "correct the user and password"},
		{"advised:secret", "redis scripts", checkOK, "may run them", ""},
		{"advised:secret", "images", checkOK, "64 KiB are put", ""},
		{"advised:secret", "redis eviction", checkOK, "noeviction", ""},
	} {
		s := loaded(t,
			"--queue-url="+strings.Replace(server.URL(), "redis://", "redis://"+test.user+"@", 1))
		d := &doctor{settings: s, cfg: s.Config, part: "batch"}
		found := map[string]finding{}
		for _, f := range append(d.redis(t.Context()), d.images(t.Context())...) {
			found[f.Name] = f
		}
		wantFinding(t, found, test.check, test.status, test.found)
		if got := found[test.check].Advice; !strings.HasPrefix(got, test.advice) {
			t.Errorf("%s: the advice is %q, want %q", test.user, got, test.advice)
		}
	}
}

func TestDoctorRedisAdvice(t *testing.T) {
	inDirWith(t, "")
	server := queuetest.StartRedis(t)
	_, found := diagnose(t, "batch", "--queue-url="+server.URL(), "--queue-mode=cluster")
	wantFinding(t, found, "redis", checkFail, "cluster support disabled")
	if advice := found["redis"].Advice; !strings.HasPrefix(advice, "set queue.mode to single") {
		t.Errorf("the advice is %q", advice)
	}
	d := defaults("batch")
	for text, want := range map[string]string{
		"NOAUTH Authentication required.": "put the password into " +
			"queue.url",
		"WRONGPASS invalid username-password pair": "correct the user and " +
			"password",
		"LOADING Redis is loading the dataset in memory":              "wait",
		"ERR max number of clients reached":                           "raise maxclients",
		"queue full: the memory of Redis is at its limit (maxmemory)": "raise maxmemory",
		"dial tcp 127.0.0.1:6379: connect: connection refused":        "",
	} {
		if advice := d.redisAdvice(
			fmt.Errorf("ping: %w: %s", queue.ErrUnavailable, text),
		); !strings.HasPrefix(advice, want) || (advice == "") != (want == "") {
			t.Errorf("%s: the advice is %q", text, advice)
		}
	}
}

// While Redis reads its data it answers INFO alone. What it says goes to a terminal
// without what that would obey.
func TestDoctorLoadingRedis(t *testing.T) {
	inDirWith(t, "")
	l := silence(t)
	go answerAsLoading(l)
	var out bytes.Buffer
	s := loaded(t, "--queue-url=redis://"+l.Addr().String(), "--predict-url=http://127.0.0.1:1")
	if err := Run(t.Context(), s, "batch", &out, false); err == nil {
		t.Error("nothing failed")
	}
	text := out.String()
	if !strings.Contains(text, "warn  redis               redis 7.0.1?]0;x? at redis://") ||
		!strings.Contains(text, " still loads its data\n") ||
		strings.Contains(text, "redis latency") ||
		!strings.Contains(text, "FAIL  images              not tried") {
		t.Error(text)
	}
}

// answerAsLoading speaks Redis' protocol as far as is needed.
func answerAsLoading(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			for r := bufio.NewReader(conn); ; {
				words, err := readCommand(r)
				if err != nil {
					return
				}
				switch strings.ToLower(words[0]) {
				case "hello":
					_, err = fmt.Fprint(conn, "-ERR unknown command\r\n")
				case "info":
					info := "redis_version:7.0.1\x1b]0;x\a\r\nloading:1\r\n"
					_, err = fmt.Fprintf(conn, "$%d\r\n%s\r\n", len(info), info)
				case "client":
					_, err = fmt.Fprint(conn, "+OK\r\n")
				default:
					_, err = fmt.Fprint(conn, "-LOADING Redis is loading the dataset in memory\r\n")
				}
				if err != nil {
					return
				}
			}
		}()
	}
}

func readCommand(r *bufio.Reader) (words []string, err error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.Trim(line, "*\r\n"))
	for range n {
		if _, err := r.ReadString('\n'); err != nil { // its length: no word here has a line's end
			return nil, err
		}
		word, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		words = append(words, strings.TrimSpace(word))
	}
	return words, err
}

func TestDoctorEviction(t *testing.T) {
	wantFindings(t, []finding{
		redisEviction(queue.ServerFacts{Policy: "noeviction"}),
		redisEviction(queue.ServerFacts{Policy: "noeviction", Evicted: 1}),
		redisEviction(queue.ServerFacts{Policy: "allkeys-lru", Evicted: 2}),
		redisEviction(queue.ServerFacts{Evicted: 2}),
	}, "ok redis eviction: maxmemory-policy is noeviction", "warn redis eviction: "+
		"maxmemory-policy is noeviction; it has thrown away 1 key since its start",
		"jobs away; it has thrown away 2 keys",
		"does not tell its maxmemory-policy; it has thrown away 2 keys")
}
