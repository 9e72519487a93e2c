-- Ends a session. {0} done, {1} there was none, {2, key} it was renewed to that key. Any other value is removed as well.
local h = head(KEYS[1])
if type(h) == 'string' and #h >= 42 and string.sub(h, 1, 2) == '\1F' then
  return {2, string.sub(h, 3, 34)}
end
return {1 - redis.call('DEL', KEYS[1])}
