-- Ends a job that is not wanted any more. A running one ends at once too: its worker hears it at the next heartbeat and its
-- result is refused.
-- KEYS: see lib_head
-- ARGV: T, id
-- Output: 'OK' (also where it was cancelled before: the first answer may have been lost) | 'NOT_FOUND' | the terminal state that
-- it is in
local id = ARGV[2]
local j = redis.call('HMGET', key(id), 'state', 'prio', 'tenant')
local state, prio, tenant = j[1], j[2], j[3] or ''
if not state then return 'NOT_FOUND' end
if state == 'cancelled' then return 'OK' end
if state == 'queued' and redis.call('LREM', T .. ':q:' .. prio, 1, id) == 1 then
  left(prio, tenant)
elseif state == 'queued' and tenant ~= '' and redis.call('LREM', own(prio, tenant), 1, id) == 1 then
  notBehind(prio .. ':' .. tenant)
elseif state == 'queued' or state == 'retrying' then
  redis.call('ZREM', T .. ':delayed', id)
elseif state ~= 'running' then
  return state
end
finish(id, 'cancelled', now(), 'cancelled', 'cancelled by request')
return 'OK'
