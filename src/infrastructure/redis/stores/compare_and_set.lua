-- Replaces a record if its revision is still the one that was read.
--
-- KEYS[1]  the key of the record; the first 9 bytes of a record are its revision, unique to every commit and removal
-- ARGV[1]  the revision that was read, '' if there was no record
-- ARGV[2]  the new record
-- ARGV[3]  the expiry of the new record: Unix time in milliseconds, '0' for never
--
-- Returns 1 if the new record is stored, otherwise the current record ('' if there is none).
local current = redis.call('GET', KEYS[1]) or ''
local revision = string.sub(current, 1, 9)

-- A retry after a lost response finds its own revision. It writes again all the same, because WAIT covers only the writes
-- of its own connection, and the first write may have used another one.
if revision ~= ARGV[1] and revision ~= string.sub(ARGV[2], 1, 9) then
  return current
end
-- Only the new record defines its expiry. The TTL of the former record must not apply to it.
if ARGV[3] == '0' then
  redis.call('SET', KEYS[1], ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3])
end
return 1
