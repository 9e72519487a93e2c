-- Removes entries from the index KEYS[1] that were noted before ARGV[1], in minutes, unless they have been noted again since they
-- were read. ARGV from 2 on: keys and the scores that were read.
for i = 2, #ARGV, 2 do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if score and tonumber(score) == tonumber(ARGV[i + 1]) and score % 67108864 < tonumber(ARGV[1]) then
    redis.call('ZREM', KEYS[1], ARGV[i])
  end
end
return {0}
