-- {0, extended, milliseconds left, revision, {fields and values in turns}}, {1} absent, {2, tombstone} renewed. ARGV: idle seconds, or 0; touch interval in milliseconds; 0 if the fields that follow are read, 1 if all are, 2 with their revision.
local left = session(KEYS[1])
if not left then return absent() end
local extended
extended, left = touch(left, tonumber(ARGV[1]), tonumber(ARGV[2]))
local values = {}
if ARGV[3] ~= '0' then
  values = redis.call('HGETALL', KEYS[1])
else
  for i = 4, #ARGV do
    values[#values + 1] = ARGV[i]
    values[#values + 1] = redis.call('HGET', KEYS[1], ARGV[i])
  end
end
return {0, extended, left, ARGV[3] == '2' and revision(KEYS[1]) or '', values}
