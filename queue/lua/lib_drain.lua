-- For transitions that bring a job to its end. At maxmemory Redis refuses a script's writes, but not after one that only deletes: a
-- script is never stopped halfway. Otherwise nothing could leave a full queue.
redis.call('DEL', T .. ':drain')
