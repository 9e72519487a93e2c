-- Why a commit cannot change the session with the header h, or move it to KEYS[2]: {1}, {2, when} or {6}, as the commit returns
-- them. Nothing if it can. `tombstone` is the one that the move leaves behind.
local function refusal(h, tombstone)
  local k = kind(h)
  if k == 'F' then
    -- An earlier try of this same move was done, and its answer was lost. What that try stored is there, but it may lack changes
    -- of this one.
    if KEYS[2] and string.sub(h, 3, 34) == string.sub(tombstone, 3, 34) then
      return {kind(head(KEYS[2])) == 'S' and 6 or 1}
    end
    return {2, string.sub(h, 35, 42)}
  end
  if k ~= 'S' then return {1} end
  if KEYS[2] then
    local there = head(KEYS[2])
    if type(there) == 'table' or kind(there) then return {6} end
  end
end
