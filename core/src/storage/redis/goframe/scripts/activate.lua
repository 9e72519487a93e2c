-- The last step of a move between nodes of a cluster. {0, milliseconds left} done, {1} a logout came first. ARGV: idle seconds.
-- This storage prepared the value, so there is no need to check that it is a session.
if not session(KEYS[1]) then return {1} end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return {0, redis.call('PTTL', KEYS[1])}
