--!df flags=allow-undeclared-keys
-- Every script starts with this part. (The first line is Dragonfly's pragma, a comment elsewhere.)
-- KEYS[1]: a key of the queue, so that a cluster routes the script to the queue's slot. All other keys share that slot.
-- ARGV[1]: T, the prefix of every key of this queue, "{bg:<name>}".
-- Must run on Redis' Lua 5.1 and on miniredis' gopher-lua: no cjson, no cmsgpack, no goto. Every answer is a status, never an error.
local T = ARGV[1]

local function key(id) return T .. ':job:' .. id end

-- Removes all that is known of a job.
local function erase(id)
  local hour = redis.call('HGET', key(id), 'gone')
  if hour then redis.call('SREM', T .. ':gone:' .. hour, id) end
  redis.call('DEL', key(id))
end

-- Milliseconds since 1970 on the server's clock, the only clock there is.
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function count(field, n) redis.call('HINCRBY', T .. ':stats', field, n) end
