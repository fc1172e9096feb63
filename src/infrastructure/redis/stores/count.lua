-- Counts within a window that begins with the first count.
-- KEYS[1] the counter; ARGV[1] the number to add, ARGV[2] the window in seconds. Returns the count.
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
if count == tonumber(ARGV[1]) then
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
return count
