-- The version of a bucket is 24 bytes: the epoch, which is random, the number of the last
-- purge (little-endian) and the id of that purge, or zeros. It has to outlive all entries.
local versionKey, logKey = KEYS[1], KEYS[2]
local function version(epoch)
	local v = redis.call('GET', versionKey)
	if not v or #v ~= 24 then
		v = epoch .. string.rep('\0', 16)
		redis.call('SET', versionKey, v)
		redis.call('DEL', logKey)
	end
	return v
end
local function keep(life)
	for _, key in ipairs({versionKey, logKey}) do
		if redis.call('PTTL', key) < life then
			redis.call('PEXPIRE', key, math.max(2 * life, 86400000))
		end
	end
end
