-- Says whether there was a job that is kept no more.
-- KEYS: see lib_head
-- ARGV: T, id, how many hours ahead ids may be remembered
-- Output: 1 | 0
local hour = math.floor(now() / 3600000)
for h = hour, hour + tonumber(ARGV[3]) do
  if redis.call('SISMEMBER', T .. ':gone:' .. h, ARGV[2]) == 1 then return 1 end
end
return 0
