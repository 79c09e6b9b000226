-- Hands out one callback that is due, for a lease: unless it is settled by then, it is handed out again.
-- KEYS: see lib_head
-- ARGV: T, token of the caller, number of this call, lease ms
-- The client library repeats a call whose answer was lost on its way: the same call gets the same callback again.
-- Output: {ms until the next falls due or -1, how many there are} and, where one is due: id, url, attempt, times that its job was
-- requeued
local ms, claim, call = now(), ARGV[2] .. '.' .. ARGV[3], T .. ':call:' .. ARGV[2]
local hooks, ended = T .. ':hooks', {succeeded = true, failed = true, expired = true, cancelled = true}

local function take(id)
  redis.call('HINCRBY', key(id), 'hook_attempts', 1)
  redis.call('HSET', key(id), 'hook_claim', claim)
  redis.call('ZADD', hooks, ms + tonumber(ARGV[4]), id)
  redis.call('SET', call, claim .. ' ' .. id, 'PX', ARGV[4])
end

local found
local before = redis.call('GET', call) or ''
if string.sub(before, 1, #claim + 1) == claim .. ' ' then
  found = string.sub(before, #claim + 2)
else
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', hooks, '-inf', ms, 'LIMIT', 0, 100)) do
    local j = redis.call('HMGET', key(id), 'state', 'hook')
    if ended[j[1]] and j[2] then
      take(id)
      found = id
      break
    end
    redis.call('ZREM', hooks, id)  -- its job is not kept any more, or runs again
  end
end

local next, first = -1, redis.call('ZRANGE', hooks, 0, 0, 'WITHSCORES')
if first[2] then next = math.max(tonumber(first[2]) - ms, 0) end
local out = {next, redis.call('ZCARD', hooks)}
if found then
  local j = redis.call('HMGET', key(found), 'hook', 'hook_attempts', 'round')
  if j[1] then out = {out[1], out[2], found, j[1], j[2], j[3] or '0'} end
end
return out
