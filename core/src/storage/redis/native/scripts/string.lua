-- The key-value storage keeps a session in one string that begins with the header.
local function head(key)
  return redis.pcall('GETRANGE', key, 0, 61)
end

local function put_head(key, new)
  redis.call('SETRANGE', key, 0, new)
end

local function put_tombstone(key, tombstone)
  redis.call('SET', key, tombstone, 'PX', 3600000 + SLACK)
end
