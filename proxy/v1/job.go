package v1

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"bgremove/proxy/intake"
	"bgremove/queue"
)

// Job is a job as /v1 shows it: what is not known is absent.
type Job struct {
	ID          string                     `json:"id"`
	State       queue.State                `json:"state"`
	Priority    string                     `json:"priority"`
	CreatedAt   string                     `json:"created_at"`
	QueuedAt    string                     `json:"queued_at,omitempty"`
	StartedAt   string                     `json:"started_at,omitempty"`
	FinishedAt  string                     `json:"finished_at,omitempty"`
	ExpiresAt   string                     `json:"expires_at,omitempty"`
	DeadlineAt  string                     `json:"deadline_at,omitempty"`
	Attempt     int                        `json:"attempt"`
	MaxAttempts int                        `json:"max_attempts"`
	Parent      string                     `json:"parent,omitempty"`
	Options     map[string]string          `json:"options,omitempty"`
	Input       intake.InputInfo           `json:"input"`
	Result      map[string]json.RawMessage `json:"result,omitempty"`
	Timeline    []eventJSON                `json:"timeline,omitempty"`
	TimingsMS   map[string]float64         `json:"timings_ms,omitempty"`
	Error       *errorJSON                 `json:"error,omitempty"`
	Callback    *callbackJSON              `json:"callback,omitempty"`
	Links       map[string]string          `json:"links"`
}

type eventJSON struct {
	Event  string `json:"event"`
	At     string `json:"at"`
	Worker string `json:"worker,omitempty"`
	Code   string `json:"code,omitempty"`
}

type errorJSON struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// stamp is RFC 3339 in UTC with milliseconds; empty for the zero time.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

func describe(j queue.Job) Job {
	a := intake.AboutJob(j)
	for key, size := range a.Long {
		a.Options[key] = fmt.Sprintf("%d bytes", size)
	}
	self := jobURL(j.ID)
	out := Job{
		ID:    j.ID,
		State: j.State, Priority: intake.Priorities()[min(max(j.Priority, 0), queue.Bulk)],
		CreatedAt: stamp(j.Created), QueuedAt: stamp(j.Queued),
		StartedAt: stamp(j.Started), FinishedAt: stamp(j.Finished),
		ExpiresAt: stamp(j.Expires), DeadlineAt: stamp(j.Deadline),
		Attempt: j.Attempt, MaxAttempts: j.MaxAttempts, Parent: j.Parent,
		Options: a.Options, Input: a.Input, Timeline: timeline(j), Callback: callback(j.Hook),
		Links: map[string]string{"self": self, "events": self + "/events"},
	}
	if !j.State.Terminal() || j.KeepInput && j.State != queue.Cancelled ||
		j.State == queue.Failed || j.State == queue.Expired {
		out.Links["input"] = self + "/input"
	}
	if j.State == queue.Succeeded {
		out.Links["result"] = self + "/result"
		out.Result, out.TimingsMS = resultOf(j)
	} else if j.Code != "" {
		out.Error = &errorJSON{j.Code, j.Message}
	}
	return out
}

// resultOf is what the worker said of the result, and where it is.
func resultOf(j queue.Job) (result map[string]json.RawMessage, timings map[string]float64) {
	result = map[string]json.RawMessage{}
	_ = json.Unmarshal([]byte(j.Result), &result) // our own workers'
	if json.Unmarshal(result["timings_ms"], &timings) == nil && timings != nil {
		timings["queue"] = float64(j.Started.Sub(j.Queued).Milliseconds())
	}
	delete(result, "timings_ms")
	delete(result, "input") // the job says more of it
	result["cached"] = json.RawMessage("false")
	if j.CachedFrom != "" {
		result["cached"], timings = json.RawMessage("true"), nil
	}
	url, _ := json.Marshal(jobURL(j.ID) + "/result")
	result["url"] = url
	return result, timings
}

type callbackJSON struct {
	URL      string          `json:"url"`
	State    queue.HookState `json:"state"`
	Attempts int             `json:"attempts"`
	Log      []deliveryJSON  `json:"log,omitempty"`
}

type deliveryJSON struct {
	At     string `json:"at"`
	Status int    `json:"status,omitempty"`
	Error  string `json:"error,omitempty"`
	MS     int64  `json:"ms"`
}

// callback says who is told of the job's end, and how that went.
func callback(h queue.Hook) *callbackJSON {
	if h.URL == "" {
		return nil
	}
	out := &callbackJSON{URL: h.URL, State: h.State, Attempts: h.Attempts}
	if out.State == "" { // until the job has ended
		out.State = queue.HookPending
	}
	for _, a := range h.Log {
		out.Log = append(out.Log,
			deliveryJSON{stamp(a.At), a.Status, a.Error, a.Took.Milliseconds()})
	}
	return out
}

func timeline(j queue.Job) []eventJSON {
	var out []eventJSON
	for _, e := range j.Log {
		row := eventJSON{Event: e.Name, At: stamp(e.At)}
		if e.Name == string(queue.Running) {
			row.Worker = e.Detail
		} else {
			row.Code = e.Detail
		}
		out = append(out, row)
	}
	return out
}

// Message returns what makes the body of a callback: the job as a Job.
func Message(jobs interface {
	Job(ctx context.Context, id string) (queue.Job, error)
},
) func(ctx context.Context, id string) ([]byte, error) {
	return func(ctx context.Context, id string) ([]byte, error) {
		j, err := jobs.Job(ctx, id)
		if err != nil {
			return nil, err
		}
		return json.Marshal(describe(j))
	}
}
