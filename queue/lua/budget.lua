-- Spends of a budget that refills steadily and holds one minute's worth at most (GCRA: all there is to remember is when it will be full).
-- A cost above a minute's worth is granted from a full budget alone, which is then in debt: it is full again, and anything else
-- granted, as late as if the cost had been spent in parts.
-- KEYS: see lib_head
-- ARGV: T, owner, cost, what one minute gives, number of this call
-- The client library repeats a call whose answer was lost on its way: what was granted is not spent again.
-- Output: {1 granted or 0 not, what is left, ms until the cost can be granted (0: granted), ms until the budget is full}
local budget, call = T .. ':budget:' .. ARGV[2], T .. ':spent:' .. ARGV[5]
local minute = 60000
local worth = tonumber(ARGV[3]) * minute / tonumber(ARGV[4])  -- of the cost, in ms
local ms = now()
local full = math.max(tonumber(redis.call('GET', budget) or '0'), ms)  -- when it will be: a fraction of ms counts
local granted, wait = redis.call('EXISTS', call) == 1, 0
if not granted then
  wait = math.max(full + math.min(worth, minute) - minute - ms, 0)
  granted = wait < 0.01  -- ms: what rounding adds to parts that make a whole
  if granted then
    full = full + worth
    redis.call('SET', budget, string.format('%.3f', full), 'PX', math.ceil(full - ms) + 1)
    redis.call('SET', call, string.format('%.3f', worth), 'PX', minute)
  end
end
local left = math.max(math.floor((minute - (full - ms)) * tonumber(ARGV[4]) / minute + 0.001), 0)
return {granted and 1 or 0, left, granted and 0 or math.ceil(wait), math.ceil(full - ms)}
