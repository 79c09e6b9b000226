-- Forgets a job that has ended. The caller deletes its images. Told twice, it finds none the second time.
-- KEYS: see lib_head
-- ARGV: T, id
-- Output: 'OK' | 'NOT_FOUND' | the state that it is in, where it has not ended
local id = ARGV[2]
local state = redis.call('HGET', key(id), 'state')
if not state then return 'NOT_FOUND' end
if state == 'queued' or state == 'running' or state == 'retrying' then return state end
redis.call('ZREM', T .. ':dead', id)
tell(id, now(), 'deleted', '')
erase(id)
return 'OK'
