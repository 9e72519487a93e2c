-- How GoFrame's StorageRedis keeps a session: one JSON object, or `null`.
local function is_object(text)
  if text == 'null' then return true end
  if string.sub(text, 1, 1) ~= '{' then return false end
  return (pcall(cjson.decode, text))
end

-- The milliseconds that the session under a key has left; false if there is none.
local function session(key)
  local value = redis.pcall('GET', key)
  return type(value) == 'string' and is_object(value) and left_of(key)
end
