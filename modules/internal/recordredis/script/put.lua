-- ARGV: the key, the value, its time in ms (0 for ever), 1 if only where there is none,
-- the most records, and the most of the kind, first and behind the last of which follow.
-- Returns 1 if the record is there now, 0 if there was one, -1 if there is no room.
local there = redis.call('EXISTS', KEYS[1]) == 1
if there and ARGV[4] == '1' then
  return 0
end
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then
  if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[5]) then
    return -1
  end
  if redis.call('ZLEXCOUNT', KEYS[2], ARGV[7], ARGV[8]) >= tonumber(ARGV[6]) then
    return -1
  end
end
if ARGV[3] == '0' then
  redis.call('SET', KEYS[1], ARGV[2])
  redis.call('ZREM', KEYS[3], ARGV[1])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  redis.call('ZADD', KEYS[3], now + tonumber(ARGV[3]), ARGV[1])
end
redis.call('ZADD', KEYS[2], 0, ARGV[1])
return 1
