-- Accepts a job.
-- ARGV: T, id, priority, bytes held (image and options, as size() finds them later), time to be started in ms, max depth,
--       max bytes (0 = no limit), then fields of the job's hash, each with its value
-- Answer: {'OK', depth} | {'EXISTS', '0'} | {'FULL', depth} | {'FULL_BYTES', bytes held}
local id, prio, held = ARGV[2], ARGV[3], tonumber(ARGV[4])
if redis.call('EXISTS', key(id)) == 1 then return {'EXISTS', '0'} end
local full, depth = refuse(held, tonumber(ARGV[6]), tonumber(ARGV[7]))
if full then return full end
local ms = now()
redis.call('HSET', key(id), 'created', ms, 'queued', ms, 'deadline', ms + tonumber(ARGV[5]), unpack(ARGV, 8))
redis.call('RPUSH', T .. ':q:' .. prio, id)
redis.call('RPUSH', T .. ':recent', id)
redis.call('LTRIM', T .. ':recent', -1000, -1)
count('bytes', held)
count('enqueued', 1)
wake(1)
return {'OK', tostring(depth + 1)}
