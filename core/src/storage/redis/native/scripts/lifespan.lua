-- The header of a session whose lifespan begins with this access: '' keeps it; 'm' is the manager's, and makes a remembered session an
-- ordinary one; anything else is the idle timeout and the stored absolute deadline of a remembered session.
local function with_lifespan(head, lifespan)
  local _, is_remembered = deadline(head)
  if lifespan == '' or (lifespan == 'm' and not is_remembered) then return head end
  local created, absolute = string.sub(head, 43, 50), string.sub(lifespan, 9, 16)
  if lifespan == 'm' then
    created, absolute = string.sub(ARGV[1], 1, 8), string.rep('\255', 8)
    if now + most_life < REMEMBERED then absolute = struct.pack('<I8', now + most_life) end
    lifespan = active == 1 and string.sub(ARGV[1], 26, 33) or string.sub(ARGV[1], 9, 16)
  end
  local seen = now > number(head, 11) and string.sub(ARGV[1], 1, 8) or string.sub(head, 11, 18)
  return string.sub(head, 1, 10) .. seen .. string.sub(lifespan, 1, 8) .. string.sub(head, 27, 42) .. created .. absolute
    .. string.sub(head, 59)
end

-- Whether two headers have the same times.
local function are_timed_alike(one, two)
  return string.sub(one, 11, 26) == string.sub(two, 11, 26) and string.sub(one, 43, 58) == string.sub(two, 43, 58)
end
