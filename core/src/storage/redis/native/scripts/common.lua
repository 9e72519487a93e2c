-- What all scripts of the native layouts share.
--
-- A header, with bytes counted from 1: 1 version, 2 kind, 3 revision, 11 last seen, 19 idle timeout, 27 entries, 31 their
-- bytes, 35 tag of the principal, 43 created, 51 absolute deadline, 59 where the log starts (strings). It ends at 62.
-- A tombstone: 1 version, 2 kind, 3 the new key, 35 when, 43 the sealed id. The page `formats` describes both.
--
-- ARGV[1] is an access, packed: now, the manager's idle timeout and absolute lifetime, whether this is activity, and if so
-- the idle timeout and touch interval to extend with.
local now, most_idle, most_life, active, idle, interval = struct.unpack('<I8I8I8I1I8I8', ARGV[1])
local FOREVER, SLACK = 3155760000000, 60000

local function number(s, at)
  return (struct.unpack('<I8', s, at))
end

-- 'S', 'P' or 'F' for a value that is alive; false for one that has ended, and for any other value.
local function kind(head)
  if type(head) ~= 'string' or #head < 42 or string.byte(head, 1) ~= 1 then return false end
  local k = string.sub(head, 2, 2)
  if k == 'F' then
    return number(head, 35) + 3600000 > now and k
  end
  if (k ~= 'S' and k ~= 'P') or #head < 62 then return false end
  local seen, created = number(head, 11), number(head, 43)
  local ended = seen + number(head, 19) <= now or number(head, 51) <= now
    or seen + most_idle <= now or created + most_life <= now
  return not ended and k
end

-- Sets the expiry of the key. It is later than the session's own end, which every reader checks, so clocks that differ a little
-- never end a session early.
local function expire(key, seen, timeout, absolute)
  local rest = math.min(seen + timeout, absolute) - now + SLACK
  rest = math.max(1, math.min(rest, FOREVER))
  redis.call('PEXPIRE', key, string.format('%.0f', rest))
end

-- Whether this access has to touch the session.
local function is_due(head)
  return active == 1 and now >= number(head, 11) + interval
end

-- The 16 bytes of last seen and idle timeout after this access, which never moves them back.
local function seen_after(head)
  if not is_due(head) then return string.sub(head, 11, 26) end
  return string.sub(ARGV[1], 1, 8) .. string.sub(ARGV[1], 26, 33)
end
