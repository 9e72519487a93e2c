-- What all scripts of the native layouts share.
--
-- A header, with bytes counted from 1: 1 version, 2 kind, 3 revision, 11 last seen, 19 idle timeout, 27 entries, 31 their
-- bytes, 35 tag of the principal, 43 created, 51 absolute deadline, 59 where the log starts (strings). It ends at 62.
-- A tombstone: 1 version, 2 kind, 3 the new key, 35 when, 43 the sealed id. The page `formats` describes both.
-- If 2^52 has been added to the absolute deadline, the session is remembered: its deadlines are its own.
--
-- ARGV[1] is an access, packed: now, the manager's idle timeout and absolute lifetime, whether this is activity, and if so
-- the idle timeout and touch interval to extend with.
local now, most_idle, most_life, active, idle, interval = struct.unpack('<I8I8I8I1I8I8', ARGV[1])
local FOREVER, SLACK = 3155760000000, 60000
local REMEMBERED = 4503599627370496

local function number(s, at)
  return (struct.unpack('<I8', s, at))
end

-- The absolute deadline of a session, and whether it is remembered.
local function deadline(head)
  local absolute = number(head, 51)
  if absolute < REMEMBERED or absolute >= 2 * REMEMBERED then return absolute, false end
  return absolute - REMEMBERED, true
end

-- 'S', 'P' or 'F' for a value that is alive; false for one that has ended, and for any other value.
local function kind(head)
  if type(head) ~= 'string' or #head < 42 or string.byte(head, 1) ~= 1 then return false end
  local k = string.sub(head, 2, 2)
  if k == 'F' then
    return number(head, 35) + 3600000 > now and k
  end
  if (k ~= 'S' and k ~= 'P') or #head < 62 then return false end
  local seen, created, absolute, is_remembered = number(head, 11), number(head, 43), deadline(head)
  local ended = seen + number(head, 19) <= now or absolute <= now
    or not is_remembered and (seen + most_idle <= now or created + most_life <= now)
  return not ended and k
end

-- Sets the expiry of the key of a session. It is later than the session's own end, which every reader checks, so clocks that differ a
-- little never end a session early.
local function expire(key, head)
  local absolute = deadline(head)
  local rest = math.min(number(head, 11) + number(head, 19), absolute) - now + SLACK
  rest = math.max(1, math.min(rest, FOREVER))
  redis.call('PEXPIRE', key, string.format('%.0f', rest))
end

-- Whether this access has to touch the session.
local function is_due(head)
  local _, is_remembered = deadline(head)
  local between = interval
  if is_remembered then between = math.min(interval, math.floor(number(head, 19) / 20)) end
  return active == 1 and now >= number(head, 11) + between
end

-- The 16 bytes of last seen and idle timeout after this access, which never moves them back.
local function seen_after(head)
  if not is_due(head) then return string.sub(head, 11, 26) end
  local _, is_remembered = deadline(head)
  return string.sub(ARGV[1], 1, 8) .. (is_remembered and string.sub(head, 19, 26) or string.sub(ARGV[1], 26, 33))
end
