-- Gives a job back to the front of its list, or after a delay to its end, its attempt not counted. Told twice (the first answer was lost on its way), it says OK twice.
-- KEYS: see lib_head
-- ARGV: T, id, owner, delay ms (absent or 0: none)
-- Output: 'OK' | 'LOST'
local id = ARGV[2]
local j = redis.call('HMGET', key(id), 'state', 'owner', 'prio', 'told', 'tenant')
if j[4] == ARGV[3] .. ' released' then return 'OK' end
if j[1] ~= 'running' or j[2] ~= ARGV[3] then return 'LOST' end
redis.call('HINCRBY', key(id), 'attempt', -1)
local ms, delay = now(), tonumber(ARGV[4] or '0')
redis.call('HSET', key(id), 'state', 'queued', 'owner', '', 'queued', ms, 'told', ARGV[3] .. ' released')
redis.call('ZREM', T .. ':lease', id)
if delay > 0 then
  redis.call('HSET', key(id), 'state', 'retrying', 'due', ms + delay)
  redis.call('ZADD', T .. ':delayed', ms + delay, id)
else
  push(id, j[3], j[5] or '', true)
end
tell(id, ms, delay > 0 and 'retrying' or 'queued', 'released')
wake(1)
return 'OK'
