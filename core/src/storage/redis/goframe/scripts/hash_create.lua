-- {0} done, {1} taken. ARGV: seconds, fields and values in turns.
if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then return {1} end
for i = 2, #ARGV, 1000 do
  redis.call('HSET', KEYS[1], unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return {0}
