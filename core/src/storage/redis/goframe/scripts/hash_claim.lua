-- The middle of a move between nodes of a cluster: the session goes and leaves the tombstone ARGV[2], if it still is what its
-- revision ARGV[1] says. {0} done, {1} gone, {2, tombstone} renewed, {3} changed meanwhile.
if not session(KEYS[1]) then return absent() end
if revision(KEYS[1]) ~= ARGV[1] then return {3} end
moved_away(ARGV[2])
redis.call('DEL', KEYS[1])
return {0}
