-- Counts as activity. {0, header} done, {1} gone.
local h = head(KEYS[1])
if kind(h) ~= 'S' then return {1} end
if is_due(h) then
  h = string.sub(h, 1, 10) .. seen_after(h) .. string.sub(h, 27, 62)
  put_head(KEYS[1], h)
  expire(KEYS[1], h)
end
return {0, string.sub(h, 1, 62)}
