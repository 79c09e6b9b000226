-- Ids of jobs that are kept no more are remembered in sets, one for each hour in which some are forgotten too. As keys of their own they
-- would hide others from Redis' search for expired keys, which samples: images would stay long after their time.
local HOUR = 3600000

-- Has an ended job forgotten in ttl ms, and that there was one remembered for a while longer.
local function forget(id, ttl)
  local j = redis.call('HMGET', key(id), 'gttl', 'idem')
  local remember = tonumber(j[1] or '0')
  if remember > 0 then
    local hour = math.floor((now() + ttl + remember) / HOUR)
    redis.call('HSET', key(id), 'gone', hour)
    redis.call('SADD', T .. ':gone:' .. hour, id)
    redis.call('PEXPIREAT', T .. ':gone:' .. hour, (hour + 1) * HOUR)
  end
  if j[2] and j[2] ~= '' then redis.call('PEXPIRE', T .. ':idem:' .. j[2], ttl) end
  redis.call('PEXPIRE', key(id), ttl)
end
