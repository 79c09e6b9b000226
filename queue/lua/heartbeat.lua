-- Prolongs leases.
-- KEYS: see lib_head
-- ARGV: T, lease ms, then id and owner of each job
-- Output: for each job 1 (prolonged) or 0 (no longer this worker's: cancelled, or lapsed and handed to another)
local ms, out = now(), {}
for i = 3, #ARGV, 2 do
  local j = redis.call('HMGET', key(ARGV[i]), 'state', 'owner')
  if j[1] == 'running' and j[2] == ARGV[i + 1] then
    redis.call('ZADD', T .. ':lease', 'XX', ms + tonumber(ARGV[2]), ARGV[i])
    out[#out + 1] = 1
  else
    out[#out + 1] = 0
  end
end
return out
