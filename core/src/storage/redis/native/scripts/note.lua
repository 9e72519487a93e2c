-- Notes a session in the index of its principal, KEYS[1].
--
-- ARGV: 1 the key of the session; 2 until when the entry counts and 3 when it was noted, both in minutes; 4 now, in minutes; 5 the
-- milliseconds until the entry counts no more.
--
-- A score is until * 2^26 + noted. First what needs memory: if the server has none left, nothing has changed yet.
local until_then, score = tonumber(ARGV[2]), redis.call('ZSCORE', KEYS[1], ARGV[1])
if score then until_then = math.max(until_then, math.floor(score / 67108864)) end
redis.call('ZADD', KEYS[1], string.format('%.0f', until_then * 67108864 + ARGV[3]), ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[5]) then redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
-- What counts no more is removed.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', ARGV[4] * 67108864))
return {0}
