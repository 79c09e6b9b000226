-- What an unfinished job counts for against max bytes: its image and its options, also those beside
-- the image.
local function size(id)
  local j = redis.call('HMGET', key(id), 'bytes', 'aside')
  return tonumber(j[1]) + tonumber(j[2] or '0') + redis.call('HSTRLEN', key(id), 'options')
end

-- Counts a job among the unfinished ones (sign 1) or no more (sign -1), and its bytes, in all and by tenant.
local function hold(id, sign)
  local bytes, tenant = sign * size(id), redis.call('HGET', key(id), 'tenant') or ''
  count('bytes', bytes + 0)  -- Redis would write -0
  if tenant == '' then return end
  redis.call('HINCRBY', T .. ':load', 'b:' .. tenant, bytes + 0)
  if redis.call('HINCRBY', T .. ':load', 'n:' .. tenant, sign) <= 0 then
    redis.call('HDEL', T .. ':load', 'n:' .. tenant, 'b:' .. tenant)
  end
end
