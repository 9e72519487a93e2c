-- Removes what has ended and still lies there. {0} removed, {1} alive, or not ours.
local h = head(KEYS[1])
if type(h) ~= 'string' or #h < 42 or string.byte(h, 1) ~= 1 or kind(h) then return {1} end
redis.call('DEL', KEYS[1])
return {0}
