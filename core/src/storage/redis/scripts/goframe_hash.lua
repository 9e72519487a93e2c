-- How GoFrame's StorageRedisHashTable keeps a session: one hash.

-- The milliseconds that the session under a key has left; false if there is none.
local function session(key)
  local count = redis.pcall('HLEN', key)
  return type(count) == 'number' and count > 0 and left_of(key)
end
