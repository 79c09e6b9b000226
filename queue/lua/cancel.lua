-- Ends a job that is not wanted any more. A running one ends at once too: its worker hears it at the next heartbeat and its
-- result is refused.
-- ARGV: T, id
-- Answer: 'OK' (also where it was cancelled before: the first answer may have been lost) | 'NOT_FOUND' | the terminal state that
-- it is in
local id = ARGV[2]
local j = redis.call('HMGET', key(id), 'state', 'prio')
if not j[1] then return 'NOT_FOUND' end
if j[1] == 'queued' then
  redis.call('LREM', T .. ':q:' .. j[2], 1, id)
elseif j[1] == 'retrying' then
  redis.call('ZREM', T .. ':delayed', id)
elseif j[1] == 'cancelled' then
  return 'OK'
elseif j[1] ~= 'running' then
  return j[1]
end
finish(id, 'cancelled', now(), 'cancelled', 'cancelled by request')
return 'OK'
