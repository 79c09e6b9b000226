-- Gives back what a call spent of a budget. Told twice, it gives back once.
-- KEYS: see lib_head
-- ARGV: T, owner, number of the call
-- Output: 1 given back | 0 nothing to give back (any more)
local budget, call = T .. ':budget:' .. ARGV[2], T .. ':spent:' .. ARGV[3]
local worth = tonumber(redis.call('GET', call) or '0')
if worth == 0 then return 0 end
redis.call('DEL', call)
local ms = now()
local full = tonumber(redis.call('GET', budget) or '0') - worth
if full > ms then
  redis.call('SET', budget, string.format('%.3f', full), 'PX', math.ceil(full - ms) + 1)
else
  redis.call('DEL', budget)
end
return 1
