-- Puts back a job of an embedded queue, as its files have it: a fresh server knows none.
-- KEYS: see lib_head
-- ARGV: T, id, ms until an ended job is forgotten (0: it is active), then fields of the job's hash, each with its value
-- Output: 'OK' | 'EXISTS'
local id, ttl = ARGV[2], tonumber(ARGV[3])
if redis.call('EXISTS', key(id)) == 1 then return 'EXISTS' end
redis.call('HSET', key(id), unpack(ARGV, 4))
recent(id)
local j = redis.call('HMGET', key(id), 'state', 'prio', 'finished', 'tenant', 'idem', 'asks', 'idemttl', 'cache', 'hook_state')
if (j[5] or '') ~= '' then redis.call('SET', T .. ':idem:' .. j[5], id .. ' ' .. j[6], 'PX', j[7]) end
if j[1] == 'queued' then
  hold(id, 1)
  push(id, j[2], j[4] or '')
else
  if j[1] == 'failed' or j[1] == 'expired' then redis.call('ZADD', T .. ':dead', j[3], id) end
  if j[9] ~= 'delivered' and j[9] ~= 'failed' then hook(id, now()) end
  forget(id, ttl)
  if j[1] == 'succeeded' and (j[8] or '') ~= '' then redis.call('SET', T .. ':cache:' .. j[8], id, 'PX', ttl) end
end
return 'OK'
