-- Why a job of this many bytes cannot be taken on now, or nil and the depth: {'FULL', depth} | {'FULL_BYTES', bytes held} | {'SHARE', the
-- tenant's unfinished jobs} | {'SHARE_BYTES', their bytes}. share: percent of both bounds that one tenant may hold.
local function refuse(bytes, maxDepth, maxBytes, tenant, share)
  local depth = redis.call('ZCARD', T .. ':delayed')
  for _, list in ipairs({':q:0', ':q:1', ':q:2', ':late:0', ':late:1', ':late:2'}) do depth = depth + redis.call('LLEN', T .. list) end
  local held, why, what = tonumber(redis.call('HGET', T .. ':stats', 'bytes') or '0'), nil, nil
  if depth >= maxDepth then
    why, what = 'FULL', depth
  elseif maxBytes > 0 and held + bytes > maxBytes then
    why, what = 'FULL_BYTES', held
  elseif tenant ~= '' then
    local load = redis.call('HMGET', T .. ':load', 'n:' .. tenant, 'b:' .. tenant)
    local n, b = tonumber(load[1] or '0'), tonumber(load[2] or '0')
    if n >= math.max(1, maxDepth * share / 100) then
      why, what = 'SHARE', n
    elseif maxBytes > 0 and b + bytes > maxBytes * share / 100 then
      why, what = 'SHARE_BYTES', b
    end
  end
  if not why then return nil, depth end
  count('rejected', 1)
  return {why, tostring(what)}
end
