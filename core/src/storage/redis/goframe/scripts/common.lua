-- What the scripts of GoFrame's format share. KEYS[1] is the session as GoFrame keeps it, KEYS[2] the tombstone that a renewal
-- leaves, which GoFrame knows nothing of.
--
-- What is of another type or shape, or has no expiry, is none of GoFrame's sessions: it is neither read nor changed nor removed.
local function tombstone_left()
  local tombstone = redis.pcall('GET', KEYS[2])
  return type(tombstone) == 'string' and tombstone
end

local function absent()
  local tombstone = tombstone_left()
  if tombstone then return {2, tombstone} end
  return {1}
end

-- The milliseconds that what stands under a key has left; false if there is nothing, or something that never ends.
local function left_of(key)
  local left = redis.call('PTTL', key)
  return left >= 0 and left
end

-- Pushes the end of a session that has `left` milliseconds forward to `idle` seconds from now, if that is activity and the last
-- one is long enough ago.
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
