-- Ends an attempt without a result: the job is retried after a delay while it may be and has attempts left, else it has failed.
-- Told twice (the first answer was lost on its way), it says the same again: 'told' is who settled an attempt last, and how.
-- KEYS: see lib_head
-- ARGV: T, id, owner, code, message, transient (0|1), delay ms, suspect (0|1): see claim
-- Output: 'retrying' | 'failed' | 'LOST'
local id = ARGV[2]
local j = redis.call('HMGET', key(id), 'state', 'owner', 'attempt', 'max', 'told')
for _, answer in ipairs({'retrying', 'failed'}) do
  if j[5] == ARGV[3] .. ' ' .. answer then return answer end
end
if j[1] ~= 'running' or j[2] ~= ARGV[3] then
  count('lost', 1)
  return 'LOST'
end
local ms = now()
if ARGV[6] == '0' or tonumber(j[3]) >= tonumber(j[4]) then
  redis.call('HSET', key(id), 'told', ARGV[3] .. ' failed')
  finish(id, 'failed', ms, ARGV[4], ARGV[5])
  return 'failed'
end
local due = ms + tonumber(ARGV[7])
redis.call('HSET', key(id), 'state', 'retrying', 'owner', '', 'code', ARGV[4], 'msg', ARGV[5], 'due', due, 'suspect', ARGV[8],
  'told', ARGV[3] .. ' retrying')
redis.call('ZREM', T .. ':lease', id)
redis.call('ZADD', T .. ':delayed', due, id)
count('retried', 1)
tell(id, ms, 'retrying', ARGV[4])
wake(1)  -- somebody must learn the new due moment
return 'retrying'
