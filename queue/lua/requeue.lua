-- Gives a failed or expired job a fresh start: all its attempts, a new deadline.
-- ARGV: T, id, max depth, max bytes (0 = no limit)
-- Answer: {'OK'} | {'NOT_FOUND'} | {'STATE', the state that it is in} | {'FULL', depth} | {'FULL_BYTES', bytes held}
local id = ARGV[2]
local j = redis.call('HMGET', key(id), 'state', 'prio', 'patience')
if not j[1] then return {'NOT_FOUND'} end
if j[1] ~= 'failed' and j[1] ~= 'expired' then return {'STATE', j[1]} end
local full = refuse(size(id), tonumber(ARGV[3]), tonumber(ARGV[4]))
if full then return full end
local ms = now()
redis.call('PERSIST', key(id))
redis.call('DEL', gone(id))
redis.call('HSET', key(id), 'state', 'queued', 'attempt', 0, 'queued', ms, 'deadline', ms + tonumber(j[3]), 'code', '', 'msg', '')
redis.call('HDEL', key(id), 'finished', 'suspect')
redis.call('ZREM', T .. ':dead', id)
redis.call('RPUSH', T .. ':q:' .. j[2], id)
count('bytes', size(id))
count('requeued', 1)
wake(1)
return {'OK'}
