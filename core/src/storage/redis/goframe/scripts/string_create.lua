-- {0} done, {1} taken. ARGV: value, seconds.
if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then return {1} end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return {0}
