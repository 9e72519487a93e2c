-- The second step of a move between nodes of a cluster: the session is replaced by the tombstone ARGV[3], if its revision is
-- still ARGV[2]. {0} done, now or by an earlier try, {1} gone, {2, when} moved elsewhere, {3} changed meanwhile.
local h = head(KEYS[1])
local k = kind(h)
if k == 'F' then
  if string.sub(h, 3, 34) == string.sub(ARGV[3], 3, 34) then return {0} end
  return {2, string.sub(h, 35, 42)}
end
if k ~= 'S' then return {1} end
if string.sub(h, 3, 10) ~= ARGV[2] then return {3} end
put_tombstone(KEYS[1], ARGV[3])
return {0}
