-- The lists of jobs that wait, one for each priority. A tenant has at most WINDOW jobs in each; its further ones wait in a list of its
-- own and move up as those are taken: who comes next waits behind a few jobs of each tenant, not behind all of one.
local WINDOW = 16

local function inList(field) return tonumber(redis.call('HGET', T .. ':ready', field) or '0') end
local function own(prio, tenant) return T .. ':own:' .. prio .. ':' .. tenant end

local function push(id, prio, tenant, front)
  local list = T .. ':q:' .. prio
  if tenant == '' then
    redis.call(front and 'LPUSH' or 'RPUSH', list, id)
    return
  end
  local field = prio .. ':' .. tenant
  if not front and inList(field) >= WINDOW then
    redis.call('RPUSH', own(prio, tenant), id)
    redis.call('HINCRBY', T .. ':behind', field, 1)
    redis.call('RPUSH', T .. ':late:' .. prio, '1')
    return
  end
  redis.call('HINCRBY', T .. ':ready', field, 1)
  redis.call(front and 'LPUSH' or 'RPUSH', list, id)
end

-- One job fewer in a hash of counters.
local function less(hash, field)
  if redis.call('HINCRBY', hash, field, -1) <= 0 then redis.call('HDEL', hash, field) end
end

-- One job of "<priority>:<tenant>" waits behind no more. T:late:<priority> has an entry for each that does, for autoscalers, which ask
-- for the lengths of lists.
local function notBehind(field)
  less(T .. ':behind', field)
  redis.call('LPOP', T .. ':late:' .. string.sub(field, 1, 1))
end

-- To be called where T:q:<prio> is empty: no tenant has a job in it, whatever was counted (a version that knew no tenants may have taken
-- some). Says whether others have moved up.
local function refill(prio)
  for _, field in ipairs(redis.call('HKEYS', T .. ':ready')) do
    if string.sub(field, 1, 1) == prio then redis.call('HDEL', T .. ':ready', field) end
  end
  local moved = false
  for _, field in ipairs(redis.call('HKEYS', T .. ':behind')) do
    local tenant = string.sub(field, 3)
    local id = string.sub(field, 1, 1) == prio and redis.call('LPOP', own(prio, tenant))
    if id then
      notBehind(field)
      push(id, prio, tenant)
      moved = true
    end
  end
  return moved
end

-- To be called for each job that left T:q:<prio>: the next of its tenant moves up, unless others were put back to the front.
local function left(prio, tenant)
  if tenant == '' then return end
  local field = prio .. ':' .. tenant
  less(T .. ':ready', field)
  if inList(field) >= WINDOW then return end
  local id = redis.call('LPOP', own(prio, tenant))
  if not id then return end
  notBehind(field)
  push(id, prio, tenant)
end
