-- The hash storage keeps a session in one hash. Field m is the header, followed by the principal; the fields of entries begin
-- with a colon.
local function head(key)
  return redis.pcall('HGET', key, 'm')
end

local function put_head(key, new)
  redis.call('HSET', key, 'm', new .. string.sub(redis.call('HGET', key, 'm'), 63))
end

local function put_tombstone(key, tombstone)
  -- First what needs memory: if the server has none left, nothing has changed yet.
  redis.call('HSET', key, 'm', tombstone)
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if field ~= 'm' then redis.call('HDEL', key, field) end
  end
  redis.call('PEXPIRE', key, 3600000 + SLACK)
end
