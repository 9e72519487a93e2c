-- Removes a session or tombstone that has ended. {0} removed, {1} alive, or not one of ours.
local h = head(KEYS[1])
if type(h) ~= 'string' or #h < 42 or string.byte(h, 1) ~= 1 or kind(h) then return {1} end
redis.call('DEL', KEYS[1])
return {0}
