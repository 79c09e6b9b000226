-- Ends a job with its result. Only its present owner may. Told twice (the first answer was lost on its way), it says OK twice.
-- KEYS: see lib_head
-- ARGV: T, id, owner, output ref, result
-- Output: 'OK' | 'LOST'
local id = ARGV[2]
local j = redis.call('HMGET', key(id), 'state', 'owner', 'out', 'cache', 'rttl')
if j[1] == 'succeeded' and j[3] == ARGV[4] then return 'OK' end
if j[1] ~= 'running' or j[2] ~= ARGV[3] then
  count('lost', 1)
  return 'LOST'
end
redis.call('HSET', key(id), 'out', ARGV[4], 'result', ARGV[5])
if j[4] and j[4] ~= '' then redis.call('SET', T .. ':cache:' .. j[4], id, 'PX', j[5]) end
finish(id, 'succeeded', now(), '', '')
return 'OK'
