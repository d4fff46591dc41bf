// Opens connections, all at once, and says how each ended; or listens.  See attempts.py of this package.
const net = require('net'), dgram = require('dgram'), dns = require('dns'), fs = require('fs');
const [what, ...rest] = process.argv.slice(1);
const say = (...words) => fs.writeSync(1, words.join(' ') + '\n');

const others = new Map();

function ask(id, kind, seconds, payload, port, { address, family }) {
  let done = false, open = false;
  // One address that answers is enough.
  const enough = () => { for (const end of others.get(id) || []) end(); };
  const giveUp = (end) => others.set(id, [...(others.get(id) || []), () => { done = true; end(); }]);
  const tell = (result, data) => {
    if (!done) say(id, address, result, data && data.length ? data.toString('hex') : '-');
    done = true;
    if (result === 'ok' && kind !== 'name' && (data || !payload.length)) enough();
  };
  if (kind === 'name') tell('ok');
  else if (kind === 'tcp') {
    const one = net.connect({ host: address, port });
    const late = setTimeout(() => { tell(open ? 'ok' : 'timeout'); one.destroy(); }, seconds * 1000);
    giveUp(() => { one.destroy(); clearTimeout(late); });
    one.on('connect', () => { open = true; if (payload.length) one.write(payload); else one.destroy(); });
    one.on('data', (data) => { tell('ok', data.subarray(0, 600)); one.destroy(); });
    one.on('error', (error) => tell(open ? 'ok' : error.code));
    one.on('close', () => { tell('ok'); clearTimeout(late); });
  } else {
    const one = dgram.createSocket(family === 6 ? 'udp6' : 'udp4');
    const end = (...words) => { tell(...words); clearTimeout(late); try { one.close(); } catch { /* closed */ } };
    const late = setTimeout(() => end('timeout'), seconds * 1000);
    giveUp(() => { clearTimeout(late); try { one.close(); } catch { /* closed */ } });
    one.on('error', (error) => end(error.code));
    one.on('message', (data) => end('ok', data.subarray(0, 600)));
    one.connect(port, address, (error) => (error ? end(error.code) : one.send(payload, (e) => e && end(e.code))));
  }
}

function serve(address, ...ports) {
  for (const port of ports) {
    const tcp = net.createServer((c) => { c.on('error', () => {}); c.end('nestproof\n'); });
    tcp.listen({ host: address, port: Number(port) }, () => {
      const udp = dgram.createSocket(net.isIPv6(address) ? 'udp6' : 'udp4');
      udp.on('message', (data, from) => udp.send(data, from.port, from.address));
      udp.bind({ address, port: tcp.address().port }, () => say('ready', tcp.address().port));
    });
  }
}

if (what === 'listen') serve(...rest);
else {
  for (const line of rest[0].split('\n').filter(Boolean)) {
    const [id, kind, family, host, port, seconds, pad, hex] = line.split(' ');
    const told = hex === '-' ? Buffer.alloc(0) : Buffer.from(hex, 'hex');
    const payload = Buffer.concat([told, Buffer.alloc(Math.max(0, Number(pad) - told.length))]);
    dns.lookup(host, { all: true, family: Number(family) }, (error, found) => {
      for (const one of error ? [] : found) ask(id, kind, Number(seconds), payload, Number(port), one);
    });
  }
  const most = Math.max(...rest[0].split('\n').filter(Boolean).map((line) => Number(line.split(' ')[5])));
  setTimeout(() => process.exit(0), (2 * most + 0.5) * 1000).unref();
  process.on('exit', () => say('done'));
}
