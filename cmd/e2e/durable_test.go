package e2e

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bgremove/queue/queuetest"
)

// kills is how often a test kills each part: TEST_KILLS, or a few.
func kills(t *testing.T, few int) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("TEST_KILLS"))
	if err != nil {
		return few
	}
	return n
}

// accepted are jobs that a proxy said it took, each with the picture that it was given.
type accepted struct {
	mu   sync.Mutex
	jobs map[string]int
}

// submit sends pictures in turn, one every so often, until stop is closed. What is not answered
// with a job's id was not accepted.
func (a *accepted) submit(
	t *testing.T, proxy string, pictures [][]byte, every time.Duration, stop <-chan struct{},
) {
	t.Helper()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for i := 0; ; i++ {
		body, err := json.Marshal(map[string][]byte{"image": pictures[i%len(pictures)]})
		if err != nil {
			t.Error(err)
		}
		status, answer, err := fetch(t, http.MethodPost, proxy+"/start_job", bytes.NewReader(body))
		var job struct {
			ID string `json:"job_id"`
		}
		if err == nil && status == http.StatusOK && json.Unmarshal(answer, &job) == nil {
			a.mu.Lock()
			a.jobs[job.ID] = i % len(pictures)
			a.mu.Unlock()
		}
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}

// cutOut is what get_job says of a job.
type cutOut struct {
	JobStatus string `json:"job_status"`
	Out       []byte `json:"img_out_base64"`
	Detail    string
}

func getJob(t *testing.T, proxy, id string) cutOut {
	t.Helper()
	var job cutOut
	getJSON(t, proxy+"/get_job/"+id, &job)
	return job
}

// predicted is what a predictor makes of a picture.
func predicted(t *testing.T, predict string, picture []byte) []byte {
	t.Helper()
	var answer struct {
		Out []byte `json:"img_none_bg_base64"`
	}
	body, err := json.Marshal(map[string][]byte{"image": picture})
	if err != nil {
		t.Fatal(err)
	}
	request(t, http.MethodPost, predict+"/predict", bytes.NewReader(body), &answer)
	return answer.Out
}

// wantAll expects every job to end with what a predictor makes of its picture.
func (a *accepted) wantAll(t *testing.T, proxy string, want [][]byte) {
	t.Helper()
	var job cutOut
	for id, picture := range a.jobs {
		within(t, 2*time.Minute, "the end of job "+id, func() bool {
			job = getJob(t, proxy, id)
			return job.JobStatus != "RUNNING"
		})
		if job.JobStatus != "SUCCEED" || !bytes.Equal(job.Out, want[picture]) {
			t.Errorf("job %s of picture %d is %s (%s) with %d bytes, want %d",
				id, picture, job.JobStatus, job.Detail, len(job.Out), len(want[picture]))
		}
	}
}

// A whole service that is killed at any moment under load loses nothing that it accepted.
func (b binary) testKillAll(t *testing.T) {
	dir := "--data-dir=" + t.TempDir()
	serve := func() *process {
		// A job that runs at three kills in a row would rightly be taken for what kills.
		return b.serve(t, "all", dir, "--queue-max-attempts=100",
			"--imaging-engine="+quickestEngine, "--imaging-looks=1", "--log-level=warn")
	}
	random := rand.New(rand.NewPCG(chaosSeed, 1))
	pictures := [][]byte{scaled(t, 24, 18), scaled(t, 32, 24), scaled(t, 40, 30), scaled(t, 48, 36)}
	jobs := accepted{jobs: map[string]int{}}
	n := kills(t, 6)
	for i := range n {
		if i%3 == 2 { // and while it starts
			p := b.launch(t, "all", dir, "--queue-max-attempts=100")
			<-time.After(time.Duration(random.Int64N(int64(500 * time.Millisecond))))
			p.kill(t)
		}
		p := serve()
		stop := make(chan struct{})
		var load sync.WaitGroup
		for range 2 {
			load.Go(
				func() { jobs.submit(t, p.url(t, "proxy"), pictures, 25*time.Millisecond, stop) })
		}
		// a random moment is the point
		<-time.After(time.Duration(random.Int64N(int64(1500 * time.Millisecond))))
		p.kill(t)
		close(stop)
		load.Wait()
	}
	p := serve()
	var want [][]byte
	for _, picture := range pictures {
		want = append(want, predicted(t, p.url(t, "predict"), picture))
	}
	jobs.wantAll(t, p.url(t, "proxy"), want)
	if v := metric(t, p.url(t, "proxy"), `bgremove_queue_jobs{where="running"}`); v != "0" {
		t.Errorf("%s jobs run for ever", v)
	}
	t.Logf("%d kills, %d jobs accepted", n, len(jobs.jobs))
	p.stop(t)
}

// The command that docs/operations.md gives for a back-up, of a service that runs, and a
// start from what it made.
func (b binary) testBackup(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	dir, restored := t.TempDir(), t.TempDir()
	p := b.serve(t, "all", "--data-dir="+dir)
	proxy := p.url(t, "proxy")
	id := doneJob(t, proxy)
	commands := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(page, -1)
	if len(commands) != 1 {
		t.Fatalf("%d blocks of commands, want the one for a back-up", len(commands))
	}
	backup := strings.ReplaceAll(string(commands[0][1]), "/var/lib/bgremove", dir)
	// -m: without the files' times
	for _, command := range []string{backup, "tar -xmf " + dir + "/backup.tar -C " + restored} {
		if out, err := exec.CommandContext(t.Context(), "bash", "-euc", command).
			CombinedOutput(); err != nil {
			t.Fatalf("%s: %v, %s", command, err, out)
		}
	}
	want := getJob(t, proxy, id)
	p.stop(t)
	p = b.serve(t, "all", "--data-dir="+restored)
	if got := getJob(t, p.url(t, "proxy"), id); got.JobStatus != "SUCCEED" ||
		!bytes.Equal(got.Out, want.Out) {
		t.Errorf("from the back-up the job is %s with %d bytes, want %d",
			got.JobStatus, len(got.Out), len(want.Out))
	}
	p.stop(t)
}

// docs/operations.md has a word on every metric.
func (b binary) testMetricsAreExplained(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	p := b.serve(t, "all", "--batch-addr=127.0.0.1:0")
	doneJob(t, p.url(t, "proxy"))
	_, metrics := get(t, p.url(t, "proxy")+"/metrics")
	names := regexp.MustCompile(`(?m)^# TYPE (bgremove_\w+)`).FindAllStringSubmatch(metrics, -1)
	if len(names) < 15 {
		t.Fatalf("only %d metrics", len(names))
	}
	for _, name := range names {
		general := regexp.MustCompile(`_(proxy|predict|batch)_http_`).
			ReplaceAllString(name[1], "_*_http_")
		if !strings.Contains(string(page), "`"+general+"`") && !strings.Contains(string(page),
			"`"+general+"{") {
			t.Errorf("%s is not explained", name[1])
		}
	}
	p.stop(t)
}

// poisoned is a binary whose opencv engine ends the process, as a fault in native code does, once
// somebody opens the fifo to write.
type poisoned struct {
	binary
	fifo string
}

func buildPoisoned(t *testing.T) poisoned {
	t.Helper()
	file, err := filepath.Abs("../../imaging/engine/grabcut/grabcut.go")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	engine := strings.NewReplacer(
		"\tlabels, rect, mode, err := grabCutStart(",
		"\t_, _ = os.Open("+strconv.Quote(fifo)+")\n\t_ = syscall.Kill(syscall.Getpid(), "+
			"syscall.SIGABRT)\n\tlabels, rect, mode, err := grabCutStart(",
		"\t\"strings\"\n", "\t\"os\"\n\t\"strings\"\n\t\"syscall\"\n",
	).Replace(string(source))
	overlay, err := json.Marshal(
		map[string]map[string]string{"Replace": {file: filepath.Join(dir, "engine.go")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"engine.go": engine, "overlay.json": string(overlay),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return poisoned{build(t, "-overlay="+filepath.Join(dir, "overlay.json")), fifo}
}

// crash lets the engine that works on the poisoned picture end its process.
func (b poisoned) crash(t *testing.T, p *process) {
	t.Helper()
	eventually(t, "the engine to work on the poisoned picture", func() bool {
		f, err := os.OpenFile(b.fifo, os.O_WRONLY|syscall.O_NONBLOCK, 0) // fails while nobody reads
		return err == nil && f.Close() == nil
	})
	p.wantCrash(t)
}

func startPoison(t *testing.T, proxy string) (id string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"image": scaled(t, 24, 18), "engine": "opencv"})
	if err != nil {
		t.Fatal(err)
	}
	var job struct {
		ID string `json:"job_id"`
	}
	request(t, http.MethodPost, proxy+"/start_job", bytes.NewReader(body), &job)
	return job.ID
}

// An image that ends the process that works on it fails after its attempts,
// and all others are done.
func TestPoisonImage(t *testing.T) {
	if quickestEngine != "opencv" {
		t.Skip("this build has no native engine")
	}
	b := buildPoisoned(t)
	t.Run("one process", b.testPoisonAll)
	t.Run("four parts", b.testPoisonParts)
}

// between submits pictures around a poisoned one.
func between(t *testing.T, proxy string) (poison string, others []string) {
	t.Helper()
	for i := range 12 {
		if i == 4 {
			poison = startPoison(t, proxy)
		}
		others = append(others, startJob(t, proxy, scaled(t, 24+i, 18+i)))
	}
	return poison, others
}

func wantPoisoned(t *testing.T, proxy, poison, code string, others []string) {
	t.Helper()
	for _, id := range others {
		eventually(t, "the other jobs",
			func() bool { return getJob(t, proxy, id).JobStatus != "RUNNING" })
		if job := getJob(t, proxy, id); job.JobStatus != "SUCCEED" {
			t.Errorf("job %s beside the poisoned one is %s: %s", id, job.JobStatus, job.Detail)
		}
	}
	eventually(t, "the end of the poisoned job",
		func() bool { return getJob(t, proxy, poison).JobStatus != "RUNNING" })
	if job := getJob(t, proxy, poison); job.JobStatus != "FAILED" ||
		!strings.HasPrefix(job.Detail, code+": ") {
		t.Errorf("the poisoned job is %s: %s", job.JobStatus, job.Detail)
	}
}

func (b poisoned) testPoisonAll(t *testing.T) {
	args := []string{"--data-dir=" + t.TempDir(), "--batch-workers=2", "--predict-slots=2"}
	b.dies = true
	p := b.serve(t, "all", args...)
	poison, others := between(t, p.url(t, "proxy"))
	for crash := range 3 { // one for each attempt
		b.crash(t, p)
		b.dies = crash < 2
		p = b.serve(t, "all", args...)
	}
	wantPoisoned(t, p.url(t, "proxy"), poison, "worker_lost", others)
	p.stop(t)
}

func (b poisoned) testPoisonParts(t *testing.T) {
	redis := "--queue-url=" + queuetest.StartRedis(t).URL()
	b.dies = true
	p := b.serve(t, "predict", "--predict-slots=2")
	b.dies = false
	addr := strings.TrimPrefix(p.url(t, "predict"), "http://")
	b.serve(t, "batch", redis, "--predict-url=http://"+addr, "--batch-workers=2")
	proxy := b.serve(t, "proxy", redis, "--queue-backoff-base=100ms").url(t, "proxy")
	poison, others := between(t, proxy)
	for crash := range 3 {
		b.crash(t, p)
		b.dies = crash < 2
		p = b.serve(t, "predict", "--predict-slots=2", "--predict-addr="+addr)
	}
	wantPoisoned(t, proxy, poison, "broken", others)
}
