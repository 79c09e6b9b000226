package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bgremove/apikey"
	"bgremove/app/settings"
)

// defaults is a doctor of a part with the default settings.
func defaults(part string) *doctor {
	s := settings.Default()
	s.Config.Predict.Slots = 4
	return &doctor{settings: s, cfg: s.Config, part: part}
}

func wantFindings(t *testing.T, got []finding, want ...string) {
	t.Helper()
	for i, f := range got {
		if line := f.Status + " " + f.Name + ": " + f.Found; i >= len(want) ||
			!strings.Contains(line, want[i]) {
			t.Errorf("finding %d is %q, want it among %q", i, line, want)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d findings, want %d", len(got), len(want))
	}
}

func TestDoctorMemory(t *testing.T) {
	const gib = 1 << 30
	// 4 slots × (64 + 45 + 7 × 50), 60, and 1024 of uploads: 2920 MiB; with WebP 6520, with
	// engine=opencv 16 × 227 a slot: 16048
	d := defaults("predict")
	enough, most := "ok memory: 32768 MiB (x); at its busiest serve predict takes 2920 MiB, 6520 "+
		"with WebP results",
		", 16048 with engine=opencv: 4 slots with pictures of 50 megapixels, 1024 MiB of uploads"
	if !d.hasOpenCV() {
		most = ": 4 slots with pictures of 50 megapixels, 1024 MiB of uploads"
	}
	wantFindings(t, d.fits(32*gib, "x", math.MaxInt64), enough+most)
	if d.hasOpenCV() {
		found := d.fits(8*gib, "x", math.MaxInt64)
		if wantFindings(t, found, "warn memory"); !strings.HasPrefix(found[0].Advice,
			"enough but with engine=opencv, for which any client may ask") {
			t.Error(found[0].Advice)
		}
	}
	wantFindings(t, d.fits(4*gib, "x", math.MaxInt64), "warn memory")
	wantFindings(t, d.fits(2*gib, "x", math.MaxInt64), "warn memory")
	wantFindings(t, d.fits(gib/2, "x", math.MaxInt64), "FAIL memory")
	wantFindings(t, d.fits(32*gib, "x", 7*gib), "ok memory", "ok GOMEMLIMIT")
	wantFindings(t, d.fits(32*gib, "x", 33*gib), "ok memory",
		"warn GOMEMLIMIT: is 33792 MiB, more than there is")
	wantFindings(t, d.fits(32*gib, "x", gib/4), "ok memory", "warn GOMEMLIMIT: is 256 MiB: near it")
	d.cfg.Imaging.Engine = "opencv"
	wantFindings(t, d.fits(16*gib, "x", math.MaxInt64),
		"ok memory: 16384 MiB (x); at its busiest serve predict takes 16048 MiB: 4 slots")
	wantFindings(t, defaults("proxy").fits(4*gib, "x", math.MaxInt64),
		"ok memory: 4096 MiB (x); at its busiest serve proxy takes 1421 MiB: 1024 MiB of uploads")
}

func TestDoctorCores(t *testing.T) {
	d := defaults("all")
	wantFindings(t, d.cores(4, 4, 0, true), "ok cpu: 4 cores", "ok cpu instructions")
	wantFindings(t, d.cores(1, 1, 0, true), "warn cpu: 1 core, GOMAXPROCS is 1, predict.slots is 4",
		"ok cpu instructions")
	wantFindings(t, d.cores(64, 64, 2, false),
		"warn cpu: 64 cores, GOMAXPROCS is 64, cgroup quota of 2.0", "warn cpu instructions")
	wantFindings(t, defaults("proxy").cores(1, 1, 0, false), "ok cpu")
}

func TestDoctorLimitsOfControlGroups(t *testing.T) {
	const gib = 1 << 30
	for _, test := range []struct {
		name  string
		files map[string]string
		limit int64
		quota float64
	}{
		{"none", nil, 8 * gib, 0},
		{
			"container",
			map[string]string{
				"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1073741824\n",
				"sys/fs/cgroup/cpu.max": "150000 100000\n",
			},
			gib, 1.5,
		},
		{
			"no limit",
			map[string]string{
				"sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/cpu.max": "max 100000\n",
			},
			8 * gib, 0,
		},
		{
			"service in a slice",
			map[string]string{
				"proc/self/cgroup":                           "0::/a.slice/b.service\n",
				"sys/fs/cgroup/a.slice/memory.max":           "2147483648",
				"sys/fs/cgroup/a.slice/b.service/memory.max": "max",
				"sys/fs/cgroup/a.slice/b.service/cpu.max":    "200000 100000",
			},
			2 * gib, 2,
		},
		{
			"version 1",
			map[string]string{
				"sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824",
				"sys/fs/cgroup/cpu/cpu.cfs_quota_us":         "50000",
			},
			gib, 0.5,
		},
		{
			"version 1 without",
			map[string]string{
				"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
				"sys/fs/cgroup/cpu/cpu.cfs_quota_us":         "-1",
			},
			8 * gib, 0,
		},
	} {
		root := t.TempDir()
		for path, content := range test.files {
			putFile(t, filepath.Join(root, path), content, 0o600)
		}
		putFile(t, filepath.Join(root, "proc/meminfo"),
			"MemTotal:       8388608 kB\nMemFree: 1 kB\n", 0o600)
		if limit, _, err := memoryLimit(root); limit != test.limit || err != nil {
			t.Errorf("%s: limit %d, %v; want %d", test.name, limit, err, test.limit)
		}
		if quota := cpuQuota(root); quota != test.quota {
			t.Errorf("%s: quota %v, want %v", test.name, quota, test.quota)
		}
	}
}

func putFile(t *testing.T, path, content string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // the umask took some of it
		t.Fatal(err)
	}
	return path
}

func TestDoctorSpace(t *testing.T) {
	const gib = 1 << 30
	d := defaults("all") // reserve 512 MiB, max_mib 4096
	wantFindings(t, d.space("/x", 100*gib, 0, 0), "ok disk")
	wantFindings(t, d.space("/x", 2*gib, 1e6, 1e6),
		"warn disk: 2048 MiB free in /x, less than unfinished jobs may hold")
	wantFindings(t, d.space("/x", gib/4, 1e6, 100),
		"FAIL disk: 256 MiB free in /x, the reserve is 512 MiB", "warn inodes: 100 of 1000000")
}

// A folder below a file cannot be made by whoever owns it.
func TestDoctorFolderBelowFile(t *testing.T) {
	file := putFile(t, filepath.Join(t.TempDir(), "file"), "", 0o600)
	for _, folder := range []string{file, file + "/a/b"} {
		found, exists := usable(t.Context(), "data folder", folder)
		wantFindings(t, found,
			"FAIL data folder: "+folder+" cannot be made: use "+file+": not a directory")
		if exists || !strings.Contains(found[0].Advice, "there is a file in the way") {
			t.Errorf("%v, %+v", exists, found)
		}
	}
}

func TestDoctorFilesAndClock(t *testing.T) {
	wantFindings(t, []finding{
		defaults("all").filesFit(20000), defaults("all").filesFit(1024),
		defaults("predict").filesFit(1024), defaults("all").filesFit(math.MaxUint64),
		plausible(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), true),
		plausible(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), false),
		plausible(time.Unix(0, 0), true),
	}, "ok open files: 20000", "warn open files: 1024",
		"ok open files: 1024", "ok open files: no limit", "ok clock",
		"warn clock: 2026-03-01 00:00:00 UTC, not synchronised", "FAIL clock: 1970")
	for _, test := range []struct {
		state  int
		status int32
		want   bool
	}{
		{unix.TIME_OK, unix.STA_PLL, true},
		{unix.TIME_INS, unix.STA_INS, true},
		{unix.TIME_ERROR, 0, false},
		{unix.TIME_OK, unix.STA_UNSYNC, false},
	} {
		if got := inStep(test.state, test.status); got != test.want {
			t.Errorf("%+v: got %v", test, got)
		}
	}
}

func TestDoctorCertificate(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		from, until time.Duration
		mode        os.FileMode
		want        []string
	}{
		{-time.Hour, 90 * 24 *
			time.Hour, 0o600, []string{"ok certificate: of shop.example, valid until"}},
		{-time.Hour, 9*24*time.Hour +
			time.Hour, 0o600, []string{"warn certificate: of shop.example expires on"}},
		{-2 *
			time.Hour, -time.Hour, 0o600, []string{"FAIL certificate: of shop.example expired on"}},
		{time.Hour, 2 *
			time.Hour, 0o600, []string{"FAIL certificate: of shop.example is not valid before"}},
		{-time.Hour, 90 * 24 *
			time.Hour, 0o644, []string{"ok certificate", "FAIL certificate key"}},
	} {
		d := defaults("proxy")
		d.cfg.Proxy.TLSCert, d.cfg.Proxy.TLSKey = certificateFiles(t, now.Add(test.from),
			now.Add(test.until), test.mode)
		wantFindings(t, d.certificate(t.Context()), test.want...)
	}
	d := defaults("proxy")
	d.cfg.Proxy.TLSCert, d.cfg.Proxy.TLSKey = "/nowhere.pem", "/nowhere.key"
	wantFindings(t, d.certificate(t.Context()), "FAIL certificate: /nowhere.pem with /nowhere.key")
}

func certificateFiles(t *testing.T, from, until time.Time, mode os.FileMode) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"},
		DNSNames: []string{"shop.example"}, NotBefore: from, NotAfter: until,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return putFile(t, filepath.Join(dir, "cert.pem"), text("CERTIFICATE", der), 0o600), putFile(t,
		filepath.Join(dir, "key.pem"), text("PRIVATE KEY", secret), mode)
}

func TestDoctorKeysFile(t *testing.T) {
	_, k, err := apikey.New("shop", 0)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	wantFindings(t, []finding{
		keysFile(putFile(t, filepath.Join(dir, "good"), k.Line()+"\n", 0o644)),
		keysFile(putFile(t, filepath.Join(dir, "open"), k.Line()+"\n", 0o666)),
		keysFile(putFile(t, filepath.Join(dir, "bad"), "shop\n", 0o600)),
		keysFile(filepath.Join(dir, "missing")),
	}, "ok API keys: 1 in", "FAIL API keys", "FAIL API keys", "FAIL API keys")
}
