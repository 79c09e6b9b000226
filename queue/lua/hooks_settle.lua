-- Records how an attempt to deliver a callback went. Only who has it in hands may: its lease may have lapsed, its job may run again.
-- Told twice (the first answer was lost on its way), it says the same again.
-- KEYS: see lib_head
-- ARGV: T, id, claim, state (delivered | failed | pending), ms until it is tried again, line of the log
-- Output: the callback's state now: failed also where its job is not kept until the next attempt | 'LOST'
local id, state, wait = ARGV[2], ARGV[4], tonumber(ARGV[5])
local j = redis.call('HMGET', key(id), 'hook_claim', 'hook_told', 'hook_state', 'hook_log')
if j[2] == ARGV[3] and j[3] then return j[3] end
if j[1] ~= ARGV[3] then return 'LOST' end
if state == 'pending' and wait >= redis.call('PTTL', key(id)) then state = 'failed' end

local lines = {}
for line in string.gmatch((j[4] or '') .. '\n' .. ARGV[6], '[^\n]+') do lines[#lines + 1] = line end
redis.call('HSET', key(id), 'hook_state', state, 'hook_told', ARGV[3],
  'hook_log', table.concat(lines, '\n', math.max(#lines - 9, 1)))
redis.call('HDEL', key(id), 'hook_claim')
if state == 'pending' then
  redis.call('ZADD', T .. ':hooks', now() + wait, id)
else
  redis.call('ZREM', T .. ':hooks', id)
end
return state
