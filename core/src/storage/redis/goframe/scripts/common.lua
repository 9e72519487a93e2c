-- What the scripts of GoFrame's formats share. KEYS[1] is the session as GoFrame stores it, KEYS[2] the tombstone of a renewal,
-- which GoFrame does not know.
--
-- A value of another type or shape, or without an expiry, is not a GoFrame session: it is not read, changed or removed.
local function tombstone_left()
  local tombstone = redis.pcall('GET', KEYS[2])
  return type(tombstone) == 'string' and tombstone
end

local function absent()
  local tombstone = tombstone_left()
  if tombstone then return {2, tombstone} end
  return {1}
end

-- How many milliseconds the value under a key has left; false if there is no value, or one that never expires.
local function left_of(key)
  local left = redis.call('PTTL', key)
  return left >= 0 and left
end

-- Extends a session that has `left` milliseconds to `idle` seconds from now, if this is activity and the last extension is long
-- enough ago.
local function touch(left, idle, interval)
  if idle > 0 and idle * 1000 - left >= interval then
    redis.call('EXPIRE', KEYS[1], idle)
    return 1, idle * 1000
  end
  return 0, left
end

local function moved_away(tombstone)
  redis.call('SET', KEYS[2], tombstone, 'PX', 3600000)
end

-- What tells one state of a hash from another.
local function revision(key)
  local fields = redis.call('HKEYS', key)
  table.sort(fields)
  local texts = {}
  for _, field in ipairs(fields) do
    local value = redis.call('HGET', key, field)
    texts[#texts + 1] = #field .. ':' .. field .. #value .. ':' .. value
  end
  return string.sub(redis.sha1hex(table.concat(texts)), 1, 16)
end
