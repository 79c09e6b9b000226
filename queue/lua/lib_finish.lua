-- Ends a job: terminal state, TTL, bytes given back, counters, its callback due, and the word to those who wait for it.
-- A failed or expired job is kept for its dead TTL in the dead letter, any other for its result TTL. Only the former can run again,
-- so only it keeps its options.
local function finish(id, state, ms, code, msg)
  local j = redis.call('HMGET', key(id), 'rttl', 'dttl', 'hook')
  local ttl = j[1]
  count('bytes', 0 - size(id))  -- unary minus would give "-0" on Redis
  if state == 'failed' or state == 'expired' then
    ttl = j[2]
    redis.call('ZADD', T .. ':dead', ms, id)
  else
    redis.call('HDEL', key(id), 'options')
  end
  redis.call('HSET', key(id), 'state', state, 'finished', ms, 'owner', '', 'code', code, 'msg', msg)
  if j[3] then
    redis.call('HSET', key(id), 'hook_state', 'pending')
    redis.call('ZADD', T .. ':hooks', ms, id)
  end
  forget(id, tonumber(ttl))
  redis.call('ZREM', T .. ':lease', id)
  count(state, 1)
  redis.call('PUBLISH', T .. ':done', id .. ' ' .. state)
end
