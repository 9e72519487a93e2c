-- Changes fields. ARGV: 1 idle seconds, or 0; 2 whether it is cleared; 3 condition (0 none, 1 the field is absent, 2 it has
-- a value); 4 and 5 its field and value; 6 the tombstone to leave behind, if it moves to KEYS[3]; 7 fields allowed; 8 how many
-- pairs are set; from 9 on the pairs, then the fields removed.
--
-- {0, milliseconds left, ''} done, {1} gone, {2, tombstone} renewed, {4, value} the condition does not hold, {5, how many} too
-- many fields, {6} KEYS[3] is taken.
local key = KEYS[1]
local left = session(key)
if not left then return absent() end
local count = redis.call('HLEN', key)
if KEYS[3] and redis.call('EXISTS', KEYS[3]) == 1 then return {6} end
if ARGV[3] ~= '0' then
  local current = redis.call('HGET', key, ARGV[4])
  if (ARGV[3] == '1' and current) or (ARGV[3] == '2' and current ~= ARGV[5]) then return {4, current} end
end
local first_removed = 9 + 2 * tonumber(ARGV[8])
local kept, after = {}, count
if ARGV[2] == '1' then after = 0 end
for i = 9, first_removed - 1, 2 do
  if ARGV[2] == '1' or redis.call('HEXISTS', key, ARGV[i]) == 0 then after = after + 1 end
  kept[ARGV[i]] = true
end
for i = first_removed, #ARGV do
  if ARGV[2] ~= '1' then after = after - redis.call('HEXISTS', key, ARGV[i]) end
end
if after > count and after > tonumber(ARGV[7]) then return {5, after} end
-- What needs memory comes first: if the server has none left, nothing has happened yet.
for i = 9, first_removed - 1, 1000 do
  redis.call('HSET', key, unpack(ARGV, i, math.min(i + 999, first_removed - 1)))
end
if ARGV[6] ~= '' then moved_away(ARGV[6]) end
local _, after_touch = touch(left, tonumber(ARGV[1]), 0)
if ARGV[2] == '1' then
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if not kept[field] then redis.call('HDEL', key, field) end
  end
else
  for i = first_removed, #ARGV do redis.call('HDEL', key, ARGV[i]) end
end
if ARGV[6] ~= '' and redis.call('EXISTS', key) == 1 then redis.call('RENAME', key, KEYS[3]) end
return {0, after_touch, ''}
