-- Stores a session with the header ARGV[2] and the pairs from ARGV[5] on, unless something is alive under the key; what an
-- earlier try prepared (ARGV[3] = 'P') is replaced. {0} done, {1} taken.
local h = head(KEYS[1])
local k = kind(h)
if type(h) == 'table' or (k and k ~= ARGV[3]) then return {1} end
-- A script that has written something is not refused memory any more, so a server that has none must be asked first.
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], 'm', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
for i = 5, #ARGV, 1000 do
  redis.call('HSET', KEYS[1], unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
return {0}
