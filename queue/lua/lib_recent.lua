-- The ids of the newest jobs, and how many there have been: the number of the last.
local function recent(id)
  redis.call('RPUSH', T .. ':recent', id)
  redis.call('LTRIM', T .. ':recent', -10000, -1)
  count('numbered', 1)
end
