-- Appends changes to a session that was read, if it has not changed since. OK, or nothing if it has.
--
-- ARGV: 1 the first 26 bytes of the value; 2 its new header; 3 the changes; 4 the new expiry of the key in milliseconds, or absent
-- if it stays.
if redis.pcall('GETRANGE', KEYS[1], '0', '25') ~= ARGV[1] then return end
redis.call('SETRANGE', KEYS[1], '0', ARGV[2])
redis.call('APPEND', KEYS[1], ARGV[3])
if ARGV[4] then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return redis.status_reply('OK')
