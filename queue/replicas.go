package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// replicaWait is how long the replicas may take to acknowledge.
const replicaWait = time.Second

// evalReplicated is eval for what must outlive a fail-over: with Config.MinReplicas, an error
// unless as many replicas have what the script did. Redis answers a WAIT for the writes of its own
// connection, so both go in one pipeline. A script that was run before writes nothing the second
// time; the fence gives WAIT something to wait for.
func (q *Queue) evalReplicated(ctx context.Context, s *redis.Script, args ...any) *redis.Cmd {
	if q.cfg.MinReplicas == 0 {
		return q.eval(ctx, s, args...)
	}
	keys, args := []string{q.prefix + ":lease"}, append([]any{q.prefix}, args...)
	run := func(
		eval func(context.Context, redis.Scripter, []string, ...any) *redis.Cmd,
	) (cmd *redis.Cmd) {
		err := replicated(ctx, q.redis, q.cfg.MinReplicas, keys[0], func(p redis.Pipeliner) {
			cmd = eval(ctx, p, keys, args...)
			p.Set(ctx, q.prefix+":fence", 1, time.Hour)
		})
		if err != nil && (cmd == nil || cmd.Err() == nil) {
			cmd = redis.NewCmd(ctx)
			cmd.SetErr(err)
		}
		return cmd
	}
	cmd := run(s.EvalSha)
	if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
		cmd = run(s.Eval)
	}
	return cmd
}

// replicated sends what write adds to a pipeline to the node that has key, and waits
// until n replicas have it.
func replicated(ctx context.Context, client redis.UniversalClient, n int, key string, write func(
	redis.Pipeliner,
),
) error {
	node := redis.Cmdable(client)
	cluster, isCluster := client.(*redis.ClusterClient)
	if isCluster {
		master, err := cluster.MasterForKey(ctx, key)
		if err != nil {
			return err
		}
		node = master
	}
	pipe := node.Pipeline()
	write(pipe)
	acks := redis.NewIntCmd(ctx, "WAIT", n, replicaWait.Milliseconds())
	_ = pipe.Process(ctx, acks) // queued; Exec sends it
	if _, err := pipe.Exec(ctx); err != nil {
		if isCluster { // the key may have moved to another node
			cluster.ReloadState(ctx)
		}
		return err
	}
	if acks.Val() < int64(n) {
		return fmt.Errorf("accepted but not replicated: %d replicas have it after %v, %d are "+
			"asked for; it may be taken", acks.Val(), replicaWait, n)
	}
	return nil
}
