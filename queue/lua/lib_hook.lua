-- Has the callback of a job that has ended, if it has one, made. Its state is the job's own until it is settled: see hooks_due.
local function hook(id, ms)
  if (redis.call('HGET', key(id), 'hook') or '') == '' then return end
  redis.call('HSET', key(id), 'hook_state', 'pending')
  redis.call('ZADD', T .. ':hooks', ms, id)
end
