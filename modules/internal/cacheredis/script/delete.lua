-- KEYS: head. ARGV: what the keys of pieces begin with.
local old = redis.call('GETRANGE', KEYS[1], 24, 43)
redis.call('UNLINK', KEYS[1])
if #old == 20 then
	for i = 1, struct.unpack('<I4', old, 17) do
		redis.call('UNLINK', ARGV[1] .. string.sub(old, 1, 16) .. ':' .. i)
	end
end
return #old
