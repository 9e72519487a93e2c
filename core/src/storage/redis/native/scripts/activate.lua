-- The last step of a move between nodes of a cluster: the prepared value becomes a session. {0, header} done, now or by an
-- earlier try, {1} a logout came first.
local h = head(KEYS[1])
local k = kind(h)
if k ~= 'P' and k ~= 'S' then return {1} end
if k == 'P' then
  h = '\1S' .. string.sub(h, 3, 62)
  put_head(KEYS[1], h)
  expire(KEYS[1], h)
end
return {0, string.sub(h, 1, 62)}
