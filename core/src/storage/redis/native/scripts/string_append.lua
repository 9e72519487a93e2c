-- Appends changes to a session that was not read. Its value before; or {3, value} if its log is long or it may be over a limit, so
-- that it has to be rebuilt; or nothing if `string_commit.lua` has to look at it.
--
-- ARGV: 1 the access, as in `common.lua`, then the entries and bytes that the changes add at most, the entries and bytes allowed,
-- and the next revision; 2 the changes.
local key, arg = KEYS[1], ARGV[1]
local v = redis.pcall('GET', key)
if type(v) ~= 'string' or string.sub(v, 1, 2) ~= '\1S' or #v < 62 then return end
local now, most_idle, most_life, active, idle, interval, entries, bytes, most_entries, most_bytes =
  struct.unpack('<I8I8I8I1I8I8I4I4I4I4', arg)
local seen, timeout, entries_before, bytes_before, created, absolute, log = struct.unpack('<I8I8I4I4xxxxxxxxI8I8I4', v, 11)
entries, bytes = entries + entries_before, bytes + bytes_before
-- With 2^52 of `common.lua`, a remembered session.
local is_remembered = absolute >= 4503599627370496 and absolute < 9007199254740992
if is_remembered then
  absolute, most_idle, most_life = absolute - 4503599627370496, math.huge, math.huge
  idle, interval = timeout, math.min(interval, math.floor(timeout / 20))
end
if seen + timeout <= now or absolute <= now or seen + most_idle <= now or created + most_life <= now or #v < log then
  return
end
if entries > most_entries or bytes > most_bytes or #v + #ARGV[2] > 2 * log + 512 then return {3, v} end
local is_due = active == 1 and now >= seen + interval
local times = string.sub(v, 11, 26)
if is_due then times = string.sub(arg, 1, 8) .. (is_remembered and string.sub(v, 19, 26) or string.sub(arg, 26, 33)) end
redis.call('SETRANGE', key, '2', string.sub(arg, 58) .. times .. struct.pack('<I4I4', entries, bytes))
redis.call('APPEND', key, ARGV[2])
if is_due then
  -- With SLACK and FOREVER of `common.lua`.
  local rest = math.min(now + idle, absolute) - now + 60000
  redis.call('PEXPIRE', key, string.format('%.0f', math.min(rest, 3155760000000)))
end
return v
