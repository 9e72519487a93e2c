-- {0, milliseconds left} done, {1} gone, {2, trace} renewed. ARGV: idle seconds, or 0.
local left = session(KEYS[1])
if not left then return absent() end
local _, after = touch(left, tonumber(ARGV[1]), 0)
return {0, after}
