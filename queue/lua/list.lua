-- Lists ids, newest first.
-- KEYS: see lib_head
-- ARGV: T, number of the job before which to begin (0: with the newest), how many
-- Output: {number of the first, its id, those of the jobs before it, …}; {0} where there is none
local last = math.max(tonumber(redis.call('HGET', T .. ':stats', 'numbered') or '0'), redis.call('LLEN', T .. ':recent'))
local from = tonumber(ARGV[2]) - 1
if from < 0 or from > last then from = last end
local skipped = last - from
local ids = redis.call('LRANGE', T .. ':recent', 0 - skipped - tonumber(ARGV[3]), 0 - skipped - 1)
-- Where there are fewer than asked for, Redis begins with the oldest.
local out = {#ids > 0 and from or 0}
for i = #ids, 1, -1 do out[#out + 1] = ids[i] end
return out
