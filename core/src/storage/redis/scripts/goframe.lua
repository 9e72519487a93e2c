-- What the scripts of GoFrame's format share. KEYS[1] is the session as GoFrame keeps it, KEYS[2] the trace that a renewal
-- leaves, which GoFrame knows nothing of.
local function absent()
  local trace = redis.call('GET', KEYS[2])
  if trace then return {2, trace} end
  return {1}
end

-- Pushes the end forward to `idle` seconds from now, if that is activity and the last one is long enough ago. A session
-- that another program has left without an end gets one.
local function touch(idle, interval)
  local left = redis.call('PTTL', KEYS[1])
  if idle > 0 and (left < 0 or idle * 1000 - left >= interval) then
    redis.call('EXPIRE', KEYS[1], idle)
    return 1, idle * 1000
  end
  return 0, left
end

local function moved_away(trace)
  redis.call('SET', KEYS[2], trace, 'PX', 3600000)
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
