-- {0, extended, milliseconds left, revision, {fields and values in turns}}, {1} absent, {2, trace} renewed, {3} another
-- type of value. ARGV: idle seconds, or 0; touch interval in milliseconds; 0 if the fields that follow are read, 1 if all are, 2 with their revision.
local count = redis.pcall('HLEN', KEYS[1])
if type(count) == 'table' then return {3} end
if count == 0 then return absent() end
local extended, left = touch(tonumber(ARGV[1]), tonumber(ARGV[2]))
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
