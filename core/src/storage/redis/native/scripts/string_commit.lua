-- Changes a session, and moves it to KEYS[2] if that is given.
--
-- ARGV: 2 the revision that the client knows; 3 the next one; 4 the changes, to be appended; 5 packed: whether they may be,
-- entries and bytes they add at most, entries and bytes allowed; 6 the tag of the new principal, or nothing; 7 the tombstone to
-- leave behind; 8 the whole new value, or nothing: used instead of 4 to 6 if the revision is the known one; 9 whether the
-- revision must be the known one; 10 the tag that the session must have to be moved, or nothing; 11 the lifespan, as in
-- `lifespan.lua`.
--
-- {0, header, revision before, value before unless the client knows that one} done, {1} gone (nothing there, ended by its
-- own deadlines or those of ARGV[1], not a session, or moved by an earlier try and ended since), {2, when} renewed by another request,
-- {3, value} not done: start again from this value, {6} KEYS[2] is taken, {7, header} it has another tag.
local h = head(KEYS[1])
local refused = refusal(h, ARGV[7])
if refused then return refused end
if ARGV[10] ~= '' and string.sub(h, 35, 42) ~= ARGV[10] then return {7, string.sub(h, 1, 62)} end
local is_known = ARGV[2] == string.sub(h, 3, 10)
if ARGV[9] == '1' and not is_known then
  return {3, redis.call('GET', KEYS[1])}
end
local timed = with_lifespan(h, ARGV[11])
local new, before
if is_known and ARGV[8] ~= '' then
  -- A touch does not change the revision. Its effect is kept.
  local seen = number(timed, 11) > number(ARGV[8], 11) and string.sub(timed, 11, 26) or string.sub(ARGV[8], 11, 26)
  new = string.sub(ARGV[8], 1, 10) .. seen .. string.sub(ARGV[8], 27, 62)
  redis.call('SET', KEYS[1], new .. string.sub(ARGV[8], 63), 'KEEPTTL')
else
  local may, entries, bytes, most_entries, most_bytes = struct.unpack('<I1I4I4I4I4', ARGV[5])
  entries = entries + struct.unpack('<I4', h, 27)
  bytes = bytes + struct.unpack('<I4', h, 31)
  local length = redis.call('STRLEN', KEYS[1])
  local log = struct.unpack('<I4', h, 59)
  -- The value was cut short, so it cannot be read.
  if length < log then return {1} end
  -- A log as long as the record before it is merged into the record.
  if may == 0 or entries > most_entries or bytes > most_bytes or length + #ARGV[4] > 2 * log + 512 then
    return {3, redis.call('GET', KEYS[1])}
  end
  -- Only the client can tell whether the session is readable.
  if not is_known then before = redis.call('GET', KEYS[1]) end
  local tag = ARGV[6] ~= '' and ARGV[6] or string.sub(h, 35, 42)
  new = '\1S' .. ARGV[3] .. seen_after(timed) .. struct.pack('<I4I4', entries, bytes) .. tag
    .. string.sub(timed, 43, 62)
  redis.call('SETRANGE', KEYS[1], 0, new)
  if ARGV[4] ~= '' then redis.call('APPEND', KEYS[1], ARGV[4]) end
end
if not are_timed_alike(new, h) then expire(KEYS[1], new) end
if KEYS[2] then
  redis.call('RENAME', KEYS[1], KEYS[2])
  put_tombstone(KEYS[1], ARGV[7])
end
return {0, new, string.sub(h, 3, 10), before}
