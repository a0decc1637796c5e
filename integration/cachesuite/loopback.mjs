// Loaded before the suite's own origin server, this has it listen on the loopback
// interface alone, and end when whoever started it has gone.
import net from 'node:net'

const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (port) {
  return listen.call(this, Number(port), '127.0.0.1')
}

process.stdin.on('end', () => process.exit())
process.stdin.resume()
