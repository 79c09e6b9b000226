-- Ends a job: terminal state, TTL, bytes given back, counters, and the word to those who wait for it.
-- A failed or expired job is kept for its dead TTL in the dead letter, any other for its result TTL.
local function finish(id, state, ms, code, msg)
  local j = redis.call('HMGET', key(id), 'bytes', 'rttl', 'dttl')
  local ttl = j[2]
  if state == 'failed' or state == 'expired' then
    ttl = j[3]
    redis.call('ZADD', T .. ':dead', ms, id)
  end
  redis.call('HSET', key(id), 'state', state, 'finished', ms, 'owner', '', 'code', code, 'msg', msg)
  redis.call('PEXPIRE', key(id), ttl)
  redis.call('ZREM', T .. ':lease', id)
  count('bytes', 0 - tonumber(j[1]))  -- unary minus would give "-0" on Redis
  count(state, 1)
  redis.call('PUBLISH', T .. ':done', id .. ' ' .. state)
end
