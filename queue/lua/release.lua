-- Gives a job back to the front of its list, its attempt not counted. Told twice (the first answer was lost on its way), it says OK twice.
-- ARGV: T, id, owner
-- Answer: 'OK' | 'LOST'
local id = ARGV[2]
local j = redis.call('HMGET', key(id), 'state', 'owner', 'prio', 'told')
if j[4] == ARGV[3] .. ' released' then return 'OK' end
if j[1] ~= 'running' or j[2] ~= ARGV[3] then return 'LOST' end
redis.call('HINCRBY', key(id), 'attempt', -1)
redis.call('HSET', key(id), 'state', 'queued', 'owner', '', 'queued', now(), 'told', ARGV[3] .. ' released')
redis.call('ZREM', T .. ':lease', id)
redis.call('LPUSH', T .. ':q:' .. j[3], id)
wake(1)
return 'OK'
