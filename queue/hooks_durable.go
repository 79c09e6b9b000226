package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"bgremove/queue/store"
)

// noteFields are those of a job's hash that change after its end. They are kept in a
// note beside its result: the result's own file may be large. The round says which end
// of the job a note is about.
var noteFields = []string{"round", "hook_state", "hook_attempts", "hook_log"}

// noteHook has an embedded queue know after a restart how the delivery of a callback went.
func (q *Queue) noteHook(ctx context.Context, id string) error {
	values, err := q.redis.HMGet(ctx, q.jobKey(id), append(noteFields, "state")...).Result()
	if err != nil {
		return unavailable("read callback", err)
	}
	note := map[string]string{}
	for i, field := range noteFields {
		if text, ok := values[i].(string); ok {
			note[field] = text
		}
	}
	data, err := json.Marshal(note)
	if err != nil {
		return err
	}
	err = q.durable.spool.Note(id, data)
	if !errors.Is(err, store.ErrNotFound) {
		return storage(err)
	}
	// An end that was in memory alone: a deadline that passed, a worker that was lost. It must be
	// the same after a restart, as somebody was told of it.
	state, _ := values[len(noteFields)].(string)
	ttl, err := q.redis.PTTL(ctx, q.jobKey(id)).Result()
	if err != nil {
		return unavailable("read callback", err)
	}
	return storage(q.endDurably(ctx, id, State(state), max(ttl, time.Second)))
}

// recallHook adds to the hash of a job that has ended what its note says.
func recallHook(job map[string]string, data []byte) error {
	if data == nil {
		return nil
	}
	var note map[string]string
	if err := json.Unmarshal(data, &note); err != nil {
		return fmt.Errorf("read its note: %w", err)
	}
	if note["round"] == job["round"] {
		maps.Copy(job, note)
	}
	return nil
}
