package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// replicaWait is how long a write may take to reach the replicas that were asked for.
const replicaWait = time.Second

// replicated runs a command on the node that has the key, and returns once n replicas have what it wrote: an error that is an
// ErrUnavailable where fewer have it in time. The command was then run all the same. WAIT tells of its own connection only
// (https://redis.io/docs/latest/commands/wait/), so both go over one.
func replicated(ctx context.Context, node *redis.Client, n int, command func(redis.Pipeliner)) error {
	pipe := node.Pipeline()
	command(pipe)
	acknowledged := pipe.Do(ctx, "WAIT", n, replicaWait.Milliseconds())
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	have, err := acknowledged.Int()
	if err == nil && have < n {
		err = fmt.Errorf("%w: only %d of %d replicas have it after %v", ErrUnavailable, have, n, replicaWait)
	}
	return err
}

// onMaster runs write on the server that has the key. Where that fails in a cluster, the key's place is looked up anew for the next time.
func onMaster(ctx context.Context, client redis.UniversalClient, key string, write func(node *redis.Client) error) error {
	cluster, ok := client.(*redis.ClusterClient)
	if !ok {
		return write(client.(*redis.Client)) // the only other kind that connect makes
	}
	node, err := cluster.MasterForKey(ctx, key)
	if err == nil {
		err = write(node)
	}
	if err != nil {
		cluster.ReloadState(ctx)
	}
	return err
}

// evalSafely is eval for what must not be lost once it is acknowledged: it returns when Config.MinReplicas replicas have it too.
func (q *Queue) evalSafely(ctx context.Context, s *redis.Script, args ...any) (cmd *redis.Cmd, err error) {
	n := q.cfg.MinReplicas
	if n == 0 {
		cmd = q.eval(ctx, s, args...)
		return cmd, cmd.Err()
	}
	keys := []string{q.prefix + ":lease"}
	args = append([]any{q.prefix}, args...)
	err = onMaster(ctx, q.redis, keys[0], func(node *redis.Client) error {
		run := func() error {
			return replicated(ctx, node, n, func(pipe redis.Pipeliner) { cmd = pipe.EvalSha(ctx, s.Hash(), keys, args...) })
		}
		err := run()
		if redis.HasErrorPrefix(err, "NOSCRIPT") {
			if err := s.Load(ctx, node).Err(); err != nil {
				return err
			}
			err = run()
		}
		return err
	})
	return cmd, err
}
