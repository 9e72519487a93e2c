-- Removes what was judged to be a session, if its revision still is ARGV[1]. {0} done, {1} there was none, {2, tombstone} renewed,
-- {3, milliseconds left, revision, value, tombstone} not judged yet, or changed meanwhile.
local left, revision, value = session(KEYS[1])
if not left then return absent() end
if revision ~= ARGV[1] then return {3, left, revision, value, tombstone_left()} end
redis.call('DEL', KEYS[1])
return {0}
