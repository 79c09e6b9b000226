-- Hands out jobs. It also returns lapsed leases and due retries to their lists first, so no scheduler process is needed.
-- KEYS: see lib_head
-- ARGV: T, worker name, worker token, lease ms, number of jobs wanted (0: only tidy up), dead TTL ms, number of this call
-- The client library repeats a call whose answer was lost on its way: the same call gets the same jobs again.
-- Output: {ms until the next retry or lease falls due or -1,
--          {{id, owner, attempt, input ref, options, keep, created ms, result TTL, trace, id of a job with the same result or empty}, …},
--          {id and state of each job that this call ended, …}}; the options are nil where they lie
--          beside the image
local ms, woken, ended = now(), 0, {}
local call = T .. ':call:' .. ARGV[3]  -- number and ids of this worker's last call that got any

local function row(id)
  local j = redis.call('HMGET', key(id), 'owner', 'attempt', 'in', 'options', 'keep', 'created', 'rttl', 'trace', 'like')
  return {id, j[1], j[2], j[3], j[4], j[5], j[6], j[7], j[8] or '', j[9] or ''}
end

local function again(number)
  local out, known = {}, nil
  for word in string.gmatch(redis.call('GET', call) or '', '%S+') do
    if not known then
      if word ~= number then return nil end
      known = true
    else
      local r = row(word)
      if r[2] and string.sub(r[2], 1, #ARGV[3] + 1) == ARGV[3] .. '.' then out[#out + 1] = r end
    end
  end
  return known and out
end

local before = again(ARGV[7])
if before then return {-1, before, {}} end

local function theEnd(id, state, code, msg)
  finish(id, state, ms, code, msg)
  ended[#ended + 1], ended[#ended + 2] = id, state
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', T .. ':lease', '-inf', ms, 'LIMIT', 0, 20)) do
  redis.call('ZREM', T .. ':lease', id)
  local j = redis.call('HMGET', key(id), 'state', 'attempt', 'max', 'prio', 'tenant')
  if j[1] == 'running' then
    count('lease_expired', 1)
    if tonumber(j[2]) >= tonumber(j[3]) then
      theEnd(id, 'failed', 'worker_lost', 'its worker was lost ' .. j[2] .. ' times')
    else
      redis.call('HSET', key(id), 'state', 'queued', 'owner', '', 'queued', ms, 'code', 'worker_lost', 'suspect', '1')
      push(id, j[4], j[5] or '', true)
      tell(id, ms, 'queued', 'worker_lost')
      woken = woken + 1
    end
  end
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', T .. ':delayed', '-inf', ms, 'LIMIT', 0, 50)) do
  redis.call('ZREM', T .. ':delayed', id)
  local j = redis.call('HMGET', key(id), 'state', 'prio', 'suspect', 'tenant')
  if j[1] == 'retrying' then
    redis.call('HSET', key(id), 'state', 'queued', 'queued', ms)
    tell(id, ms, 'queued', '')
  end
  if j[1] == 'retrying' or j[1] == 'queued' then
    -- What was put off was in front before, and may be put off again: behind a long list it would wait for that each time.
    local tenant = j[4] or ''
    push(id, j[2], tenant, j[3] == '1' or j[1] == 'queued' and (tenant == '' or inList(j[2] .. ':' .. tenant) < WINDOW))
    woken = woken + 1
  end
end

-- One claim in eight serves the lists in reverse, so that bulk work never starves; the dead letter is trimmed there too.
local order = {'0', '1', '2'}
if redis.call('HINCRBY', T .. ':stats', 'claims', 1) % 8 == 0 then
  order = {'2', '1', '0'}
  redis.call('ZREMRANGEBYSCORE', T .. ':dead', '-inf', ms - tonumber(ARGV[6]))
end

-- A job past its deadline has expired, unless it was tried: then it has failed for the reason of its last attempt.
local function pastDeadline(id, j)
  if tonumber(j[3]) > 0 then
    theEnd(id, 'failed', j[4] or '', j[5] or '')
  else
    theEnd(id, 'expired', 'deadline', 'not started before its deadline')
  end
end

-- A suspect is a job whose last attempt may have ended the process that ran it. Suspects run one at a time, so that an image that
-- ends processes takes no other job with it more than once. Where another runs, this one is put off for a moment.
local function alone(id)
  local other = redis.call('GET', T .. ':suspect')
  if other and other ~= id and redis.call('ZSCORE', T .. ':lease', other) then return false end
  redis.call('SET', T .. ':suspect', id)
  return true
end

local function putOff(id)
  redis.call('ZADD', T .. ':delayed', ms + 100, id)
end

-- Of jobs that come to the same result one is worked on, and the others take its result over: this says which has it, or 'wait'.
local function like(id, cache, ttl)
  if not cache or cache == '' then return '' end
  local other = redis.call('GET', T .. ':cache:' .. cache)
  local state = other and other ~= id and redis.call('HGET', key(other), 'state')
  if state == 'succeeded' then return other end
  if state == 'running' then return 'wait' end
  redis.call('SET', T .. ':cache:' .. cache, id, 'PX', ttl)
  return ''
end

local function run(id, other)
  redis.call('HINCRBY', key(id), 'attempt', 1)
  redis.call('HSET', key(id), 'like', other)
  -- seq never goes back, as attempt does on a release: no two runs of a job ever share an owner or an output ref.
  local owner = ARGV[3] .. '.' .. redis.call('HINCRBY', key(id), 'seq', 1)
  redis.call('HSET', key(id), 'state', 'running', 'owner', owner, 'worker', ARGV[2], 'started', ms)
  redis.call('ZADD', T .. ':lease', ms + tonumber(ARGV[4]), id)
  tell(id, ms, 'running', ARGV[2])
  return row(id)
end

local want, out, ids, looked = tonumber(ARGV[5]), {}, '', 0
for _, prio in ipairs(order) do
  local list = T .. ':q:' .. prio
  while looked < 200 do  -- a long script would stop the whole server
    local id = redis.call('LINDEX', list, 0)
    if not id and refill(prio) then id = redis.call('LINDEX', list, 0) end
    if not id then break end
    local j = redis.call('HMGET', key(id), 'state', 'deadline', 'attempt', 'code', 'msg', 'suspect', 'tenant', 'cache', 'rttl')
    local due = j[1] == 'queued' and tonumber(j[2]) >= ms
    if due and #out >= want then break end
    redis.call('LPOP', list)
    if j[1] then left(prio, j[7] or '') end
    looked = looked + 1
    local other = due and j[6] ~= '1' and like(id, j[8], j[9]) or ''
    if due and (other == 'wait' or j[6] == '1' and not alone(id)) then
      putOff(id)
    elseif due then
      out[#out + 1] = run(id, other)
      ids = ids .. ' ' .. id
    elseif j[1] == 'queued' then  -- anything else was cancelled meanwhile
      pastDeadline(id, j)
    end
  end
end

if #out > 0 then redis.call('SET', call, ARGV[7] .. ids, 'PX', ARGV[4]) end

-- What was returned to the lists above and not claimed here is for others to claim.
if looked == 0 and want > 0 then redis.call('DEL', T .. ':wake') elseif woken > 0 then wake(woken) end

local next = -1
for _, z in ipairs({':delayed', ':lease'}) do
  local first = redis.call('ZRANGE', T .. z, 0, 0, 'WITHSCORES')
  if first[2] then
    local wait = math.max(tonumber(first[2]) - ms, 0)
    if next < 0 or wait < next then next = wait end
  end
end
if looked > 0 and #out == 0 and want > 0 then next = 0 end  -- nothing but expired jobs so far: look again
return {next, out, ended}
