-- {0} done, {1} there was none, {2, trace} renewed.
if redis.call('DEL', KEYS[1]) == 1 then return {0} end
return absent()
