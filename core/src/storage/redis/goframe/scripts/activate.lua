-- The end of a move between nodes of a cluster. {0, milliseconds left} done, {1} a logout was faster. ARGV: idle seconds. What
-- stands there was prepared here, so nobody has to judge whether it is a session.
if not session(KEYS[1]) then return {1} end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return {0, redis.call('PTTL', KEYS[1])}
