-- Notes in a job what happened to it, and tells those who wait for it or watch it. What is told is numbered: who missed something knows.
local function tell(id, ms, event, detail)
  local log = redis.call('HGET', key(id), 'log') or ''
  local last = event == 'succeeded' or event == 'failed' or event == 'expired' or event == 'cancelled'
  if #log < 8000 or last then redis.call('HSET', key(id), 'log', log .. ms .. ' ' .. event .. ' ' .. detail .. '\n') end
  redis.call('PUBLISH', T .. ':events', redis.call('INCR', T .. ':seq') .. ' ' .. id .. ' ' .. event)
end
