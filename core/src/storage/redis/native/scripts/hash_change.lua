-- Sets and removes entries of a session. Its new field m; or nothing if it was not changed, and `hash_commit.lua` has to look at
-- it.
--
-- ARGV: 1 the access, as in `common.lua`, then the number of pairs to set, the entries and bytes allowed, and the next revision;
-- from 2 on the pairs to set, then the fields to remove.
local key, arg = KEYS[1], ARGV[1]
local m = redis.pcall('HGET', key, 'm')
if type(m) ~= 'string' or string.sub(m, 1, 2) ~= '\1S' or #m < 62 then return end
local now, most_idle, most_life, active, idle, interval, pairs_set, most_entries, most_bytes =
  struct.unpack('<I8I8I8I1I8I8I4I4I4', arg)
local seen, timeout, entries, bytes, created, absolute = struct.unpack('<I8I8I4I4xxxxxxxxI8I8', m, 11)
-- With 2^52 of `common.lua`, a remembered session.
local is_remembered = absolute >= 4503599627370496 and absolute < 9007199254740992
if is_remembered then
  absolute, most_idle, most_life = absolute - 4503599627370496, math.huge, math.huge
  idle, interval = timeout, math.min(interval, math.floor(timeout / 20))
end
if seen + timeout <= now or absolute <= now or seen + most_idle <= now or created + most_life <= now
  or entries > most_entries or bytes > most_bytes then
  return
end
local first_removed = 2 + 2 * pairs_set
for i = 2, first_removed - 1, 2 do
  local old = redis.call('HSTRLEN', key, ARGV[i])
  if old == 0 then
    entries, bytes = entries + 1, bytes + #ARGV[i] - 1
  end
  bytes = bytes + #ARGV[i + 1] - old
end
for i = first_removed, #ARGV do
  local old = redis.call('HSTRLEN', key, ARGV[i])
  if old > 0 then
    entries, bytes = entries - 1, bytes - old - #ARGV[i] + 1
  end
end
if entries < 0 or bytes < 0 or entries > most_entries or bytes > most_bytes then return end
local is_due = active == 1 and now >= seen + interval
local times = string.sub(m, 11, 26)
if is_due then times = string.sub(arg, 1, 8) .. (is_remembered and string.sub(m, 19, 26) or string.sub(arg, 26, 33)) end
m = '\1S' .. string.sub(arg, 54) .. times .. struct.pack('<I4I4', entries, bytes) .. string.sub(m, 35)
-- First what needs memory: if the server has none left, nothing has changed yet.
redis.call('HSET', key, 'm', m, unpack(ARGV, 2, first_removed - 1))
if first_removed <= #ARGV then redis.call('HDEL', key, unpack(ARGV, first_removed)) end
if is_due then
  -- With SLACK and FOREVER of `common.lua`.
  local rest = math.min(now + idle, absolute) - now + 60000
  redis.call('PEXPIRE', key, string.format('%.0f', math.min(rest, 3155760000000)))
end
return m
