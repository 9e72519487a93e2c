-- How GoFrame's StorageRedisHashTable keeps a session: one hash.

-- The milliseconds that the session under a key has left; false if there is none. Every hash that ends some time is one, so
-- there is nothing to judge, and no revision to judge it by.
local function session(key)
  local count = redis.pcall('HLEN', key)
  return type(count) == 'number' and count > 0 and left_of(key), ''
end
