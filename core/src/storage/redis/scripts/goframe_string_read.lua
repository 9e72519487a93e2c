-- {0, extended, milliseconds left, revision, value}, {1} absent, {2, trace} renewed. ARGV: idle
-- seconds, or 0; touch interval in milliseconds.
local value = redis.pcall('GET', KEYS[1])
local left = type(value) == 'string' and left_of(KEYS[1])
if not left then return absent() end
local extended = 0
-- What is no session must not be extended; to make sure of that is only worth it when a touch is due.
local idle, interval = tonumber(ARGV[1]), tonumber(ARGV[2])
if idle > 0 and idle * 1000 - left >= interval then
  if not is_object(value) then return absent() end
  extended, left = touch(left, idle, interval)
end
return {0, extended, left, string.sub(redis.sha1hex(value), 1, 16), value}
