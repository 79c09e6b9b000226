-- Accepts a job, or one that is finished already.
-- KEYS: see lib_head
-- ARGV: T, id, priority, bytes held (image and options, as size() finds them later), time to be started in ms, max depth,
--       max bytes (0 = no limit), share and tenant (see lib_room), idempotency key or empty, what its request asks for, how long the key
--       is remembered at most in ms, finished (0|1), then fields of the job's hash, each with its value
-- Output: {'OK', depth} | {'EXISTS', '0'} | {'SAME', id of the key's job} | {'CONFLICT', the same, of another request} | as refuse()
local id, prio, held, tenant, idem = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[9], ARGV[10]
if redis.call('EXISTS', key(id)) == 1 then return {'EXISTS', '0'} end
if idem ~= '' then
  local before, what = string.match(redis.call('GET', T .. ':idem:' .. idem) or '', '^(%S+) (%S+)$')
  if before and redis.call('EXISTS', key(before)) == 1 then return {what == ARGV[11] and 'SAME' or 'CONFLICT', before} end
end
local ms, depth, full = now(), 0, nil
local finished = ARGV[13] == '1'
if not finished then
  full, depth = refuse(held, tonumber(ARGV[6]), tonumber(ARGV[7]), tenant, tonumber(ARGV[8]))
  if full then return full end
end
redis.call('HSET', key(id), 'created', ms, 'queued', ms, 'deadline', ms + tonumber(ARGV[5]), 'log', ms .. ' queued \n', unpack(ARGV, 14))
if idem ~= '' then redis.call('SET', T .. ':idem:' .. idem, id .. ' ' .. ARGV[11], 'PX', ARGV[12]) end
if finished then
  redis.call('HSET', key(id), 'finished', ms)
  hook(id, ms)
  tell(id, ms, 'succeeded', 'cached')
  forget(id, tonumber(redis.call('HGET', key(id), 'rttl')))
  count('cached', 1)
else
  hold(id, 1)
  push(id, prio, tenant)
  wake(1)
end
recent(id)
count('enqueued', 1)
return {'OK', tostring(depth + 1)}
