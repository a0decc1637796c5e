-- Keeps the mark of the epoch: 16 random bytes, when it was made, and which process
-- has made it. KEYS: the mark. ARGV: the clock, bytes for a new mark. It expires soon
-- and goes into no replica, so that a server which may have lost something does not
-- have it.
local mark = call('GET', KEYS[1])
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or ''
if not mark or sub(mark, 24) ~= run then
  mark = ARGV[2] .. pack('<I7', now) .. run
elseif unpack('<I7', mark, 17) > now then
  mark = sub(mark, 1, 16) .. pack('<I7', now) .. run
end
if redis.set_repl then
  redis.set_repl(redis.REPL_NONE)
end
call('SET', KEYS[1], mark, 'PX', 3000)
return sub(mark, 1, 23) .. pack('<I7', now)
