-- Puts back a job of an embedded queue, as its files have it: a fresh server knows none.
-- ARGV: T, id, ms until an ended job is forgotten (0: it is active), then fields of the job's hash, each with its value
-- Answer: 'OK' | 'EXISTS'
local id, ttl = ARGV[2], tonumber(ARGV[3])
if redis.call('EXISTS', key(id)) == 1 then return 'EXISTS' end
redis.call('HSET', key(id), unpack(ARGV, 4))
redis.call('RPUSH', T .. ':recent', id)
redis.call('LTRIM', T .. ':recent', -1000, -1)
local j = redis.call('HMGET', key(id), 'state', 'prio', 'finished', 'hook', 'hook_state')
if j[1] == 'queued' then
  redis.call('RPUSH', T .. ':q:' .. j[2], id)
  count('bytes', size(id))
else
  if j[1] == 'failed' or j[1] == 'expired' then redis.call('ZADD', T .. ':dead', j[3], id) end
  if j[4] and j[5] ~= 'delivered' and j[5] ~= 'failed' then
    redis.call('HSET', key(id), 'hook_state', 'pending')
    redis.call('ZADD', T .. ':hooks', now(), id)
  end
  forget(id, ttl)
end
return 'OK'
