-- Sets entries of a session that was read, if it has not changed since. OK, or nothing if it has.
--
-- ARGV: 1 field m as it was; 2 as it becomes; 3 the new expiry of the key in milliseconds, or '' if it stays; from 4 on the pairs
-- to set.
if redis.pcall('HGET', KEYS[1], 'm') ~= ARGV[1] then return end
redis.call('HSET', KEYS[1], 'm', ARGV[2], unpack(ARGV, 4))
if ARGV[3] ~= '' then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return redis.status_reply('OK')
