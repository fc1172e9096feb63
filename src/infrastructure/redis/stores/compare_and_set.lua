-- Replaces a record if it still is the one that was read.
--
-- KEYS[1]  the record; its first 9 bytes are its revision, unique to every commit, removals too
-- ARGV[1]  the revision that was read, '' where there was no record
-- ARGV[2]  the new record
-- ARGV[3]  when the new record expires: Unix time in milliseconds, '0' for never
--
-- Returns 1 when the new record is in place, else the record that is there instead ('' for none).
local current = redis.call('GET', KEYS[1]) or ''
local revision = string.sub(current, 1, 9)

-- A retry after a lost reply finds its own revision. It writes once more all the same: WAIT only waits for the writes of
-- its own connection, and the first write may have been on another one.
if revision ~= ARGV[1] and revision ~= string.sub(ARGV[2], 1, 9) then
  return current
end
-- The new record alone decides when it expires. A TTL that the former record left must never end it.
if ARGV[3] == '0' then
  redis.call('SET', KEYS[1], ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3])
end
return 1
