-- {0} done, {1} there was none, {2, trace} renewed.
if not session(KEYS[1]) then return absent() end
redis.call('DEL', KEYS[1])
return {0}
