-- Counts what is sent to one place: at most so many within any window, however it lies.
-- KEYS[1] the moments of the last ones, newest first; ARGV[1] now and ARGV[2] the window, both in seconds;
-- ARGV[3] how many may be sent within a window.
-- Returns 0 when this one may be sent, which is then counted, else the seconds until one may.
local oldest = redis.call('LINDEX', KEYS[1], ARGV[3] - 1)
if oldest then
  local wait = tonumber(oldest) + tonumber(ARGV[2]) - tonumber(ARGV[1])
  if wait > 0 then
    return wait
  end
end
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], 0, ARGV[3] - 1)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 0
