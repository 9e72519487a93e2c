-- Replaces the value if its revision still is ARGV[1]. ARGV: 2 the new value; 3 idle seconds, or 0 to keep the end; 4 the
-- tombstone to leave behind, if it moves: then to KEYS[3], or if that is not given to another node.
--
-- {0, milliseconds left, revision} done, {1} gone, {2, tombstone} renewed, {3, milliseconds left, revision, value} changed
-- meanwhile, {6} KEYS[3] is taken.
local left, revision, value = session(KEYS[1])
if not left then return absent() end
if KEYS[3] and redis.call('EXISTS', KEYS[3]) == 1 then return {6} end
if revision ~= ARGV[1] then return {3, left, revision, value} end
local idle = tonumber(ARGV[3])
if idle == 0 then idle = math.max(1, math.ceil(left / 1000)) end
if ARGV[4] == '' then
  redis.call('SET', KEYS[1], ARGV[2], 'EX', idle)
else
  if KEYS[3] then redis.call('SET', KEYS[3], ARGV[2], 'EX', idle) end
  moved_away(ARGV[4])
  redis.call('DEL', KEYS[1])
end
return {0, idle * 1000, string.sub(redis.sha1hex(ARGV[2]), 1, 16)}
