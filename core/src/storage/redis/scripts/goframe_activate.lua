-- The end of a move between nodes of a cluster. {0, milliseconds left} done, {1} a logout was faster. ARGV: idle seconds.
if redis.call('EXPIRE', KEYS[1], ARGV[1]) == 0 then return {1} end
return {0, redis.call('PTTL', KEYS[1])}
