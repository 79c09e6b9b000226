-- Has an ended job forgotten in ttl ms, and that there was one remembered for a while longer.
local function forget(id, ttl)
  redis.call('PEXPIRE', key(id), ttl)
  local remember = tonumber(redis.call('HGET', key(id), 'gttl') or '0')
  if remember > 0 then redis.call('SET', gone(id), '1', 'PX', ttl + remember) end
end
