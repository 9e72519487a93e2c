-- {0, extended, milliseconds left, revision, value}, {1} absent, {2, trace} renewed, {3} another type of value. ARGV: idle
-- seconds, or 0; touch interval in milliseconds.
local value = redis.pcall('GET', KEYS[1])
if type(value) == 'table' then return {3} end
if not value or value == '' then return absent() end
local extended, left = touch(tonumber(ARGV[1]), tonumber(ARGV[2]))
return {0, extended, left, string.sub(redis.sha1hex(value), 1, 16), value}
