package client

import (
	"encoding/json"
	"time"
)

// State of a job.
type State string

// The states: the first three are on their way, the others ends.
const (
	Queued    State = "queued"
	Running   State = "running"
	Retrying  State = "retrying"
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Expired   State = "expired"
	Cancelled State = "cancelled"
)

// Ended says whether nothing more comes of the job by itself.
func (s State) Ended() bool {
	return s == Succeeded || s == Failed || s == Expired || s == Cancelled
}

// Job is a picture on its way through the queue, as the server last said. Times that
// have not come are zero.
type Job struct {
	ID          string             `json:"id"`
	State       State              `json:"state"`
	Priority    string             `json:"priority"` // interactive, normal or bulk
	CreatedAt   time.Time          `json:"created_at"`
	QueuedAt    time.Time          `json:"queued_at"`
	StartedAt   time.Time          `json:"started_at"`
	FinishedAt  time.Time          `json:"finished_at"`
	ExpiresAt   time.Time          `json:"expires_at"`  // until then it can be looked at
	DeadlineAt  time.Time          `json:"deadline_at"` // until then it must have been started
	Attempt     int                `json:"attempt"`
	MaxAttempts int                `json:"max_attempts"`
	Parent      string             `json:"parent"` // id of the job that it refines
	Options     map[string]string  `json:"options"`
	Input       Input              `json:"input"`
	Result      *Result            `json:"result"` // nil unless it has succeeded
	Timeline    []Event            `json:"timeline"`
	TimingsMS   map[string]float64 `json:"timings_ms"`
	Error       *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
	// addresses on the server: result, input, events where there are any
	Links map[string]string `json:"links"`

	raw string
}

// UnmarshalJSON implements json.Unmarshaler.
func (j *Job) UnmarshalJSON(data []byte) error {
	type plain Job // without this method
	err := json.Unmarshal(data, (*plain)(j))
	j.raw = string(data)
	return err
}

// JSON is the job as the server said it, with what this version of the package does not know; nil
// of a job that came from no server.
func (j Job) JSON() []byte {
	if j.raw == "" {
		return nil
	}
	return []byte(j.raw)
}

// Err is a *JobError of a job that has ended without a result, else nil.
func (j Job) Err() error {
	if !j.State.Ended() || j.State == Succeeded {
		return nil
	}
	e := &JobError{ID: j.ID, State: j.State}
	if j.Error != nil {
		e.Code, e.Message = j.Error.Code, j.Error.Message
	}
	return e
}

// Input is the picture that was sent.
type Input struct {
	Bytes       int64  `json:"bytes"`
	Width       int    `json:"width"`  // px
	Height      int    `json:"height"` // px
	ContentType string `json:"content_type"`
}

// Result is what came of it.
type Result struct {
	ContentType string `json:"content_type"`
	Bytes       int64  `json:"bytes"`
	Width       int    `json:"width"`  // px
	Height      int    `json:"height"` // px
	Engine      string `json:"engine"`
	Cached      bool   `json:"cached"`
	Foreground  struct {
		Top    int `json:"top"`  // px
		Left   int `json:"left"` // px
		Width  int `json:"width"`
		Height int `json:"height"`
	} `json:"foreground"`
}

// Event is a change of a job.
type Event struct {
	Event  string    `json:"event"` // the state that it came to, or what else happened
	At     time.Time `json:"at"`
	Worker string    `json:"worker"`
	Code   string    `json:"code"`
}

// Queue is how full the server's queue is.
type Queue struct {
	Queued map[string]int `json:"queued"` // jobs that wait, by priority
	// jobs of keys whose turn has not come, counted in Queued too
	Behind    int     `json:"behind"`
	Retrying  int     `json:"retrying"`
	Running   int     `json:"running"`
	Dead      int     `json:"dead"`         // failed jobs that are kept
	OldestAge float64 `json:"oldest_age_s"` // seconds that the next job has waited
	Rate      float64 `json:"rate_per_s"`   // jobs that ended, a second
	MaxDepth  int     `json:"max_depth"`    // jobs that may wait
}
