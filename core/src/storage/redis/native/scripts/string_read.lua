-- Reads a session and counts as activity if a touch is due. {0} absent, {1, extended, value}, {2} another type of value.
local v = redis.pcall('GET', KEYS[1])
if not v then return {0} end
if type(v) ~= 'string' then return {2} end
if kind(v) == 'S' and is_due(v) then
  local times = seen_after(v)
  redis.call('SETRANGE', KEYS[1], 10, times)
  expire(KEYS[1], string.sub(v, 1, 10) .. times .. string.sub(v, 27, 62))
  return {1, 1, v}
end
return {1, 0, v}
