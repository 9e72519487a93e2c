-- Ends a session. {0, tag of its principal} done, {1} there was none, {2, key} it was renewed to that key. Any other value is
-- removed as well, with zeros for a tag.
local h = head(KEYS[1])
if type(h) == 'string' and #h >= 42 and string.sub(h, 1, 2) == '\1F' then
  return {2, string.sub(h, 3, 34)}
end
if redis.call('DEL', KEYS[1]) == 0 then return {1} end
return {0, type(h) == 'string' and #h >= 62 and string.sub(h, 35, 42) or string.rep('\0', 8)}
