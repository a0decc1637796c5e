-- KEYS: version, log.
-- ARGV: an epoch in case there is none, how many purges are logged, whether purges that
-- are logged already are left out, and for each purge its id (8 bytes) and tags.
-- A purge in the log is its number, its id and its tags. Returns the version.
local v = version(ARGV[1])
local known = {}
if ARGV[3] == '1' then
	for _, record in ipairs(redis.call('LRANGE', logKey, 0, -1)) do
		known[string.sub(record, 9, 16)] = true
	end
end
for i = 4, #ARGV, 2 do
	if not known[ARGV[i]] then
		local seq = struct.pack('<I8', struct.unpack('<I8', v, 9) + 1)
		redis.call('RPUSH', logKey, seq .. ARGV[i] .. ARGV[i + 1])
		v = string.sub(v, 1, 8) .. seq .. ARGV[i]
	end
end
redis.call('LTRIM', logKey, -tonumber(ARGV[2]), -1)
redis.call('SET', versionKey, v, 'KEEPTTL')
keep(86400000)
return v
