-- Reads a session, with the fields ARGV[2] and following or with all if there are none, and counts as activity if a touch
-- is due. {0} absent, {1, extended, header, values}, {2} another type of value.
local h = head(KEYS[1])
if not h then return {0} end
if type(h) ~= 'string' then return {2} end
local extended = 0
if kind(h) == 'S' and is_due(h) then
  local m = string.sub(h, 1, 10) .. seen_after(h) .. string.sub(h, 27)
  redis.call('HSET', KEYS[1], 'm', m)
  expire(KEYS[1], m)
  extended = 1
end
if #ARGV == 1 then return {1, extended, h, redis.call('HGETALL', KEYS[1])} end
local values = {}
for i = 2, #ARGV do
  values[#values + 1] = ARGV[i]
  values[#values + 1] = redis.call('HGET', KEYS[1], ARGV[i])
end
return {1, extended, h, values}
