-- Accepts a job.
-- ARGV: T, id, priority, bytes of the image, input ref, options, keep input (0|1), max attempts, deadline ms, result TTL ms, dead TTL ms,
--       max depth, max bytes (0 = no limit)
-- Answer: {'OK', depth} | {'EXISTS', '0'} | {'FULL', depth} | {'FULL_BYTES', bytes held}
local id, prio, bytes = ARGV[2], ARGV[3], ARGV[4]
local held = tonumber(bytes) + #ARGV[6]  -- as size() finds it later
if redis.call('EXISTS', key(id)) == 1 then return {'EXISTS', '0'} end
local full, depth = refuse(held, tonumber(ARGV[12]), tonumber(ARGV[13]))
if full then return full end
local ms = now()
redis.call('HSET', key(id), 'state', 'queued', 'prio', prio, 'bytes', bytes, 'in', ARGV[5], 'options', ARGV[6], 'keep', ARGV[7],
  'attempt', 0, 'seq', 0, 'max', ARGV[8], 'patience', ARGV[9], 'deadline', ms + tonumber(ARGV[9]), 'rttl', ARGV[10],
  'dttl', ARGV[11], 'created', ms, 'queued', ms, 'owner', '')
redis.call('RPUSH', T .. ':q:' .. prio, id)
redis.call('RPUSH', T .. ':recent', id)
redis.call('LTRIM', T .. ':recent', -1000, -1)
count('bytes', held)
count('enqueued', 1)
wake(1)
return {'OK', tostring(depth + 1)}
