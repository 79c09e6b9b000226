-- Why a job of this many bytes cannot be taken on now ('FULL' or 'FULL_BYTES', with the present value), or nil and the depth.
local function refuse(bytes, maxDepth, maxBytes)
  local depth = redis.call('LLEN', T .. ':q:0') + redis.call('LLEN', T .. ':q:1') + redis.call('LLEN', T .. ':q:2')
    + redis.call('ZCARD', T .. ':delayed')
  if depth >= maxDepth then
    count('rejected', 1)
    return {'FULL', tostring(depth)}
  end
  local held = tonumber(redis.call('HGET', T .. ':stats', 'bytes') or '0')
  if maxBytes > 0 and held + bytes > maxBytes then
    count('rejected', 1)
    return {'FULL_BYTES', tostring(held)}
  end
  return nil, depth
end
