package apikey

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sum is what the file has of a key.
func sum(key string) string {
	s := sha256.Sum256([]byte(key))
	return hex.EncodeToString(s[:])
}

func TestNew(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		secret, k, err := New("ci", 60)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`^bgr_[0-9a-f]{64}$`).MatchString(secret) || seen[secret] {
			t.Fatalf("%q is not 256 bits of its own", secret)
		}
		seen[secret] = true
		if want := "ci:" + sum(secret) + ":60"; k.Line() != want {
			t.Errorf("line is %q, want %q", k.Line(), want)
		}
	}
	if _, k, err := New(strings.Repeat("a", 64), 0); err != nil ||
		strings.Count(k.Line(), ":") != 1 {
		t.Errorf("no budget: %q, %v", k.Line(), err)
	}
	for _, bad := range []struct {
		name   string
		budget int
	}{{"", 0}, {"a:b", 0}, {"a b", 0}, {strings.Repeat("a",
		65), 0}, {"ü", 0}, {"a\n", 0}, {"a", -1}, {"a", 1_000_001}} {
		if secret, _, err := New(bad.name, bad.budget); err == nil || secret != "" {
			t.Errorf("%q, %d: no error", bad.name, bad.budget)
		}
	}
}

func TestParse(t *testing.T) {
	a, b := sum("key a"), sum("key b")
	file := "# keys of the shop\n\n  web:" + a + "\r\nCI-1.x_y:" +
		strings.ToUpper(b) + ":250  \n#old:" + a + "\n"
	keys, err := parse("keys.txt", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(keys[0].Line(), " ", keys[1].Line()),
		"web:"+a+" CI-1.x_y:"+b+":250"; len(keys) != 2 || got != want {
		t.Errorf("%d keys, %s, want %s", len(keys), got, want)
	}
	if keys, err := parse("keys.txt", nil); len(keys) != 0 || err != nil {
		t.Errorf("an empty file: %v, %v", keys, err)
	}
}

// Every fault names its line, and none says anything of a sum, nor of a key that somebody put
// into the file by mistake.
func TestParseFaults(t *testing.T) {
	good := "web:" + sum("key") + "\n"
	secret, _, err := New("x", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, line, want string }{
		{"no colon", secret, "keys.txt:2: must be name:sha256 or " +
			"name:sha256:megapixels_per_minute, 2 or 3 parts, has 1"},
		{"four parts", "a:" + sum("a") + ":1:2", "2 or 3 parts, has 4"},
		{"no name", ":" + sum("a"), "the name must be 1 to 64 letters, digits, ., _ or -"},
		{"key as name", secret + ":" + sum("a"), "the name must be"},
		{"key as sum", "a:" +
			secret, "the second part must be the SHA-256 sum of a key, 64 hex digits, has 68"},
		{"short sum", "a:" + sum("a")[1:], "64 hex digits, has 63"},
		{"long sum", "a:" + sum("a") + "00", "64 hex digits, has 66"},
		{"no hex", "a:" + strings.Repeat("g", 64), "64 hex digits, has 64"},
		{"empty sum", "a:", "64 hex digits, has 0"},
		{"key as budget", "a:" + sum("a") + ":" +
			secret, "must be a number from 1 to 1000000; without a third part there is no limit"},
		{"zero", "a:" + sum("a") + ":0", "must be a number from 1"},
		{"too much", "a:" + sum("a") + ":1000001", "must be a number from 1"},
		{"sign", "a:" + sum("a") + ":+5", "must be a number from 1"},
		{"empty budget", "a:" + sum("a") + ":", "must be a number from 1"},
		{"same name", "web:" + sum("a"), "keys.txt:2: the name web is in line 1 already"},
		{"same key", "other:" + sum("key"), "keys.txt:2: the key is in line 1 already"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := parse("keys.txt", []byte(good+tc.line+"\n"))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			if regexp.MustCompile(`[0-9a-f]{16}`).MatchString(err.Error()) {
				t.Errorf("the fault quotes a sum or a key: %v", err)
			}
		})
	}
	_, err = parse("keys.txt", []byte(strings.Repeat("x\n", 1000)))
	if err == nil || strings.Count(err.Error(), "\n") != maxFaults-1 {
		t.Errorf("of 1000 faults were told: %v", err)
	}
}

// Whatever is read without a fault reads the same when it is written again.
func FuzzParse(f *testing.F) {
	f.Add("# comment\nweb:" + sum("a") + "\nci:" + sum("b") + ":60\n")
	f.Add("a:b:c:d\n::\n" + sum("a"))
	f.Fuzz(func(t *testing.T, file string) {
		keys, err := parse("f", []byte(file))
		if err != nil {
			return
		}
		var lines strings.Builder
		for _, k := range keys {
			lines.WriteString(k.Line() + "\n")
		}
		again, err := parse("f", []byte(lines.String()))
		if err != nil || fmt.Sprint(again) != fmt.Sprint(keys) {
			t.Errorf("%q reads as %v, %v", lines.String(), again, err)
		}
	})
}

func TestContext(t *testing.T) {
	if k, ok := FromContext(t.Context()); ok || k.Name != "" || Name(t.Context()) != "" {
		t.Errorf("a key from nowhere: %v", k)
	}
	ctx := NewContext(t.Context(), Key{Name: "web", MegapixelsPerMinute: 5})
	if k, ok := FromContext(ctx); !ok || k.MegapixelsPerMinute != 5 || Name(ctx) != "web" {
		t.Errorf("got %v", k)
	}
}
