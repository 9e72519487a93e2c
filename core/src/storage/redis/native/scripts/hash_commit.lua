-- Changes a session, and moves it to KEYS[2] if that is given.
--
-- ARGV: 2 its next revision; 3 packed: cleared, has a new principal, condition (0 none, 1 the field is absent, 2 it has a
-- value), number of pairs set, entries and bytes allowed, entries and bytes of the largest session that can be read; 4 the new
-- principal; 5 its tag; 6 and 7 field and value of the condition; 8 the tombstone to leave behind; 9 the tag that the
-- session must have to be moved, or nothing; 10 the lifespan, as in `lifespan.lua`; from 11 on the pairs to set, then the fields to
-- remove.
--
-- {0, header and principal} done, {1} gone (nothing there, ended by its own deadlines or those of ARGV[1], not a session, too
-- large to be read, or moved by an earlier try and ended since), {2, when} renewed by another request, {4, value} the condition
-- does not hold, {5, which, how many} over a limit, {6} KEYS[2] is taken, {7, header} it has another tag.
local key = KEYS[1]
local h = head(key)
local refused = refusal(h, ARGV[8])
if refused then return refused end
if ARGV[9] ~= '' and string.sub(h, 35, 42) ~= ARGV[9] then return {7, string.sub(h, 1, 62)} end
local cleared, principal, condition, pairs_set, most_entries, most_bytes, readable_entries, readable_bytes =
  struct.unpack('<I1I1I1I4I4I4I4I4', ARGV[3])
local entries, bytes = struct.unpack('<I4I4', h, 27)
local entries_before, bytes_before = entries, bytes
-- Too large to be read, so it does not count as a session.
if entries > readable_entries or bytes > readable_bytes then return {1} end
if condition > 0 then
  local current = redis.call('HGET', key, ARGV[6])
  if (condition == 1 and current) or (condition == 2 and current ~= ARGV[7]) then return {4, current} end
end
local first_removed = 11 + 2 * pairs_set
local kept = {m = true}
-- The length of a value that stays, unless it is set or removed.
local function length(field)
  if cleared == 1 and not kept[field] then return 0 end
  return redis.call('HSTRLEN', key, field)
end
if cleared == 1 then
  entries, bytes = 0, 0
  for _, field in ipairs(redis.call('HKEYS', key)) do
    -- What a login has left is not cleared.
    if string.sub(field, 1, 10) == ':gsession.' then
      kept[field] = true
      entries, bytes = entries + 1, bytes + #field - 1 + length(field)
    end
  end
end
for i = 11, first_removed - 1, 2 do
  local old = length(ARGV[i])
  if old == 0 then
    entries, bytes = entries + 1, bytes + #ARGV[i] - 1
  end
  bytes = bytes + #ARGV[i + 1] - old
  kept[ARGV[i]] = true
end
for i = first_removed, #ARGV do
  local old = length(ARGV[i])
  if old > 0 then
    entries, bytes = entries - 1, bytes - old - #ARGV[i] + 1
  end
end
if entries > entries_before or bytes > bytes_before then
  if entries > most_entries then return {5, 0, entries} end
  if bytes > most_bytes then return {5, 1, bytes} end
end
local tag = principal == 1 and ARGV[5] or string.sub(h, 35, 42)
local timed = with_lifespan(h, ARGV[10])
local new = '\1S' .. ARGV[2] .. seen_after(timed) .. struct.pack('<I4I4', math.max(0, entries), math.max(0, bytes)) .. tag
  .. string.sub(timed, 43, 62)
local m = new .. (principal == 1 and ARGV[4] or string.sub(h, 63))
-- First what needs memory: if the server has none left, nothing has changed yet.
redis.call('HSET', key, 'm', m)
for i = 11, first_removed - 1, 1000 do
  redis.call('HSET', key, unpack(ARGV, i, math.min(i + 999, first_removed - 1)))
end
if cleared == 1 then
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if not kept[field] then redis.call('HDEL', key, field) end
  end
end
for i = first_removed, #ARGV do redis.call('HDEL', key, ARGV[i]) end
if not are_timed_alike(new, h) then expire(key, new) end
if KEYS[2] then
  redis.call('RENAME', key, KEYS[2])
  put_tombstone(key, ARGV[8])
end
return {0, m}
