-- Wake-up tokens tell idle workers to claim. They are hints: a lost token costs at most one poll interval, never a job.
local function wake(n)
  for _ = 1, n do redis.call('RPUSH', T .. ':wake', '1') end
  redis.call('LTRIM', T .. ':wake', 0, 63)
end
