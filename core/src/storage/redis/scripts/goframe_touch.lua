-- {0, milliseconds left} done, {1} gone, {2, trace} renewed. ARGV: idle seconds, or 0.
if redis.call('EXISTS', KEYS[1]) == 0 then return absent() end
local _, left = touch(tonumber(ARGV[1]), 0)
return {0, left}
