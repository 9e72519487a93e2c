-- Extends what was judged to be a session, if its revision still is ARGV[1]. ARGV: 2 idle seconds, or 0. {0, milliseconds left}
-- done, {1} gone, {2, tombstone} renewed, {3, milliseconds left, revision, value, tombstone} not judged yet, or changed meanwhile.
local left, revision, value = session(KEYS[1])
if not left then return absent() end
if revision ~= ARGV[1] then return {3, left, revision, value, tombstone_left()} end
local _, after = touch(left, tonumber(ARGV[2]), 0)
return {0, after}
