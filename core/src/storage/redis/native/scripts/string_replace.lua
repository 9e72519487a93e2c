-- Replaces a session that was read, if it has not changed since: `SET … IFEQ` for servers that do not know it. OK, or nothing
-- if the session has changed.
--
-- ARGV: 1 the first 26 bytes of the value, whose revision no other value has; 2 the new value; 3 the new expiry of the key in
-- milliseconds, or absent if it stays.
if redis.pcall('GETRANGE', KEYS[1], '0', '25') ~= ARGV[1] then return end
if ARGV[3] then return redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
