-- KEYS: version, log, head.
-- ARGV: an epoch in case there is none, the mark (epoch and number of a purge), the head
-- without its version, milliseconds to live, what the keys of pieces begin with,
-- milliseconds that pieces live.
-- Returns the version, and whether the head was written.
local v = version(ARGV[1])
local epoch, seq = string.sub(v, 1, 8), string.sub(v, 9, 16)
local at = v
if ARGV[2] ~= '' then
	local none = string.sub(ARGV[2], 1, 8) == '\1' .. string.rep('\0', 7)
	if not none and string.sub(ARGV[2], 1, 8) ~= epoch then
		return {v, 0}
	end
	local since = string.sub(ARGV[2], 9, 16)
	if none then
		since = string.rep('\0', 8)
	end
	if struct.unpack('<I8', since) > struct.unpack('<I8', seq) then
		return {v, 0} -- it is of a time that Redis has forgotten, and so may be later purges
	end
	if since ~= seq then
		at = epoch .. since .. string.rep('\0', 8)
	end
end
for i = 1, struct.unpack('<I4', ARGV[3], 17) do
	if redis.call('PEXPIRE', ARGV[5] .. string.sub(ARGV[3], 1, 16) .. ':' .. i, ARGV[6]) == 0 then
		return {v, 0} -- it was evicted meanwhile
	end
end
local old = redis.call('GETRANGE', KEYS[3], 24, 43)
redis.call('SET', KEYS[3], at .. ARGV[3], 'PX', ARGV[4])
keep(tonumber(ARGV[4]))
if #old == 20 then
	for i = 1, struct.unpack('<I4', old, 17) do
		redis.call('UNLINK', ARGV[5] .. string.sub(old, 1, 16) .. ':' .. i)
	end
end
return {v, 1}
