-- {0, milliseconds left, revision, value}, {1} absent, {2, tombstone} renewed.
local left, revision, value = session(KEYS[1])
if not left then return absent() end
return {0, left, revision, value}
