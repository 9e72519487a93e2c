-- How GoFrame's StorageRedis keeps a session: one JSON object, or `null`. Whether a text is one is for Rust alone to judge: two
-- parsers never agree on every text, and what one of them serves the other would not end.

-- The milliseconds that the text under a key has left, its revision and the text; false if there is none.
local function session(key)
  local value = redis.pcall('GET', key)
  local left = type(value) == 'string' and left_of(key)
  if not left then return false end
  return left, string.sub(redis.sha1hex(value), 1, 16), value
end
