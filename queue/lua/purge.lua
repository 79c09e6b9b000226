-- Drops up to n jobs of one list, oldest first. The caller deletes their images.
-- KEYS: see lib_head
-- ARGV: T, which (q:0 | q:1 | q:2 | own:<priority>:<tenant> | delayed | dead), n, id of this call
-- The client library repeats a call whose answer was lost on its way: the same call gets the same answer again.
-- Output: {{id, input ref}, …}; fewer than n: the list is empty now
local which, out = ARGV[2], {}
local list, call = T .. ':' .. which, T .. ':call:' .. ARGV[4]
local before = redis.call('LRANGE', call, 0, -1)
if #before > 0 then
  for i = 1, #before, 2 do out[#out + 1] = {before[i], before[i + 1]} end
  return out
end
local ids
if which == 'delayed' or which == 'dead' then
  ids = redis.call('ZRANGE', list, 0, tonumber(ARGV[3]) - 1)
  if #ids > 0 then redis.call('ZREMRANGEBYRANK', list, 0, #ids - 1) end
else
  ids = redis.call('LRANGE', list, 0, tonumber(ARGV[3]) - 1)
  redis.call('LTRIM', list, #ids, -1)
end
local ms = now()
for _, id in ipairs(ids) do
  local j = redis.call('HMGET', key(id), 'state', 'in', 'prio', 'tenant')
  if j[1] and which ~= 'dead' then hold(id, -1) end
  if string.sub(which, 1, 4) == 'own:' then
    notBehind(string.sub(which, 5))
  elseif j[1] and string.sub(which, 1, 2) == 'q:' and j[4] and j[4] ~= '' then
    less(T .. ':ready', j[3] .. ':' .. j[4])
  end
  if j[1] then tell(id, ms, 'purged', '') end
  erase(id)
  out[#out + 1] = {id, j[2] or ''}
  redis.call('RPUSH', call, id, j[2] or '')
end
if #out > 0 then redis.call('PEXPIRE', call, 60000) end
return out
