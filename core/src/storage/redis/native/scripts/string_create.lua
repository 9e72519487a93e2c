-- Stores the value ARGV[2] unless something is alive under the key; what an earlier try prepared (ARGV[3] = 'P') is replaced.
-- {0} done, {1} taken.
local h = head(KEYS[1])
local k = kind(h)
if type(h) == 'table' or (k and k ~= ARGV[3]) then return {1} end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[4])
return {0}
