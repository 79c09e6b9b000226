-- Jobs that ended, by spans of ten seconds, the last eight of them: how fast the queue gets shorter. A field is "<span>:<jobs>".
local function rate(ms)
  local span = math.floor(ms / 10000)
  local field = tostring(span % 8)
  local n = string.match(redis.call('HGET', T .. ':rate', field) or '', '^' .. span .. ':(%d+)$')
  redis.call('HSET', T .. ':rate', field, span .. ':' .. (tonumber(n or '0') + 1))
end

-- Ends a job: terminal state, TTL, bytes given back, counters, its callback due, and the word to those who wait for it.
-- A failed or expired job is kept for its dead TTL in the dead letter, any other for its result TTL. Only the former can run again,
-- so only it keeps its options.
local function finish(id, state, ms, code, msg)
  local j = redis.call('HMGET', key(id), 'rttl', 'dttl')
  local ttl = j[1]
  hold(id, -1)
  if state == 'failed' or state == 'expired' then
    ttl = j[2]
    redis.call('ZADD', T .. ':dead', ms, id)
  else
    redis.call('HDEL', key(id), 'options')
  end
  redis.call('HSET', key(id), 'state', state, 'finished', ms, 'owner', '', 'code', code, 'msg', msg)
  tell(id, ms, state, code)
  hook(id, ms)
  forget(id, tonumber(ttl))
  redis.call('ZREM', T .. ':lease', id)
  count(state, 1)
  if state ~= 'cancelled' then rate(ms) end
end
