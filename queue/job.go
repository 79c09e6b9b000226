package queue

import (
	"strconv"
	"strings"
	"time"
)

// State is where a job is in its life.
type State string

// The states. The last four are terminal.
const (
	Queued    State = "queued"
	Running   State = "running"
	Retrying  State = "retrying" // waits for its next attempt
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Expired   State = "expired" // was not started before its deadline
	Cancelled State = "cancelled"
)

// Terminal reports whether the state will not change by itself.
func (s State) Terminal() bool {
	return s == Succeeded || s == Failed || s == Expired || s == Cancelled
}

// Priority orders claims: interactive before normal before bulk.
type Priority int

// The priorities, first served first.
const (
	Interactive Priority = iota
	Normal
	Bulk
)

// Job is one job as it stands now.
type Job struct {
	ID          string
	Tenant      string // whose it is; empty where nobody is told apart
	Parent      string // id of the job that it refines
	About       string // what the submitter says of it, opaque to the queue
	State       State
	Priority    Priority
	Result      string // what the worker said of its result, opaque to the queue
	Bytes       int64  // of the input image
	KeepInput   bool   // the input stays after success
	Attempt     int    // attempts begun
	MaxAttempts int
	Worker      string // the last to run it
	Input       string // blob reference
	Output      string // blob reference; empty until succeeded
	Code        string // why the last attempt failed, for machines
	Message     string // the same for people
	CachedFrom  string // id of the job whose result it took over
	Created     time.Time
	Queued      time.Time // when it last began to wait for a worker
	Started     time.Time // of the last attempt; zero before the first
	Finished    time.Time // zero until terminal
	Deadline    time.Time // to be started before
	Due         time.Time // of the next attempt, while retrying
	Expires     time.Time // when it is forgotten; zero until terminal
	Log         []Event   // what happened to it, oldest first
	Hook        Hook      // who is told of its end, and how that went
	ttl         time.Duration
}

// Event is one change of a job.
type Event struct {
	At     time.Time
	Name   string // the state that it came to
	Detail string // running: the worker; else why, for machines
}

// jobFields are those of a job's hash that make a Job. Its options are not: they may have MiB, and
// only a worker needs them.
var jobFields = []string{
	"state", "prio", "result", "bytes", "keep", "attempt", "max", "worker", "in", "out",
	"code", "msg",
	"created", "queued", "started", "finished", "deadline", "due", "rttl", "dttl", "tenant",
	"parent", "about", "like", "log",
	"hook", "hook_state", "hook_attempts", "hook_log",
}

// jobOf makes a Job of the values of jobFields. There is none without a state.
func jobOf(id string, values []any) (j Job, ok bool) {
	h := map[string]string{}
	for i, field := range jobFields {
		h[field], _ = values[i].(string)
	}
	j = Job{
		ID:          id,
		Tenant:      h["tenant"],
		Parent:      h["parent"],
		About:       h["about"],
		State:       State(h["state"]),
		Priority:    Priority(number(h["prio"])),
		Result:      h["result"],
		Bytes:       number(h["bytes"]),
		KeepInput:   h["keep"] == "1",
		Attempt:     int(number(h["attempt"])),
		MaxAttempts: int(number(h["max"])),
		Worker:      h["worker"],
		Input:       h["in"],
		Output:      h["out"],
		Code:        h["code"],
		Message:     h["msg"],
		CachedFrom:  h["like"],
		Created:     moment(h["created"]),
		Queued:      moment(h["queued"]),
		Started:     moment(h["started"]),
		Finished:    moment(h["finished"]),
		Deadline:    moment(h["deadline"]),
		Log:         readLog(h["log"]),
		Hook:        hookOf(h),
		ttl:         duration(h["rttl"]),
	}
	switch {
	case j.State == Retrying:
		j.Due = moment(h["due"])
	case j.State == Failed || j.State == Expired:
		j.Expires = j.Finished.Add(duration(h["dttl"]))
	case j.State.Terminal():
		j.Expires = j.Finished.Add(j.ttl)
	}
	return j, h["state"] != ""
}

// readLog reads the lines of lib_tell.lua: "<ms> <event> <detail>".
func readLog(text string) (log []Event) {
	for line := range strings.Lines(text) {
		at, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		name, detail, _ := strings.Cut(rest, " ")
		log = append(log, Event{At: moment(at), Name: name, Detail: detail})
	}
	return log
}

func duration(ms string) time.Duration { return time.Duration(number(ms)) * time.Millisecond }

// number reads what a script wrote; what is absent is 0.
func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

func moment(ms string) time.Time {
	if n := number(ms); n > 0 {
		return time.UnixMilli(n)
	}
	return time.Time{}
}
