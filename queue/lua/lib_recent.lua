-- The ids of the newest jobs, and how many there have been: the number of the last.
local function recent(id)
  local length = redis.call('RPUSH', T .. ':recent', id)
  redis.call('LTRIM', T .. ':recent', -10000, -1)
  -- Earlier versions did not number them.
  if redis.call('HINCRBY', T .. ':stats', 'numbered', 1) < length then redis.call('HSET', T .. ':stats', 'numbered', length) end
end
