-- Gives a failed or expired job a fresh start: all its attempts, a new deadline.
-- KEYS: see lib_head
-- ARGV: T, id, max depth, max bytes (0 = no limit), id of this call, share (see lib_room)
-- The client library repeats a call whose answer was lost on its way: the same call is told OK again.
-- Output: {'OK'} | {'NOT_FOUND'} | {'STATE', the state that it is in} | as refuse()
local id = ARGV[2]
local j = redis.call('HMGET', key(id), 'state', 'prio', 'patience', 'requeued', 'tenant', 'idem', 'asks', 'idemttl')
local tenant = j[5] or ''
if not j[1] then return {'NOT_FOUND'} end
if j[4] == ARGV[5] then return {'OK'} end
if j[1] ~= 'failed' and j[1] ~= 'expired' then return {'STATE', j[1]} end
local full = refuse(size(id), tonumber(ARGV[3]), tonumber(ARGV[4]), tenant, tonumber(ARGV[6]))
if full then return full end
local ms = now()
redis.call('PERSIST', key(id))
redis.call('HSET', key(id), 'state', 'queued', 'attempt', 0, 'queued', ms, 'deadline', ms + tonumber(j[3]), 'code', '', 'msg', '',
  'requeued', ARGV[5])
redis.call('HDEL', key(id), 'finished', 'suspect', 'hook_state', 'hook_attempts', 'hook_claim')
redis.call('HINCRBY', key(id), 'round', 1)  -- each end is told of, and under a name of its own
redis.call('ZREM', T .. ':dead', id)
if (j[6] or '') ~= '' then redis.call('SET', T .. ':idem:' .. j[6], id .. ' ' .. j[7], 'PX', j[8]) end
hold(id, 1)
push(id, j[2], tenant)
tell(id, ms, 'queued', 'retried')
count('requeued', 1)
wake(1)
return {'OK'}
