// Carries what reaches the loopback address over standard input and output, in lines: see relay.py of this package.
// It has no abstract Unix socket, which old releases of Node cannot make.
const net = require("net");
const dgram = require("dgram");
const connections = {};
let count = 0;
let input = "";
let started = false;
const say = (line) => process.stdout.write(line + "\n");
const udp = dgram.createSocket("udp4");
udp.on("message", (data) => say("udp " + data.toString("hex")));
const tcp = net.createServer((connection) => {
  const number = String(++count);
  connections[number] = connection;
  connection.on("data", (data) => say("tcp " + number + " " + data.toString("hex")));
  connection.on("error", () => {});
  connection.on("close", () => {
    if (connections[number]) say("tcp " + number + " ");
    delete connections[number];
  });
});
process.stdin.on("end", () => process.exit());
process.stdin.on("data", (data) => {
  if (!started) {
    started = true;
    udp.bind(0, "127.0.0.1", () =>
      tcp.listen(0, "127.0.0.1", () => say("ready " + tcp.address().port + " " + udp.address().port)));
    return;
  }
  const lines = (input + data).split("\n");
  input = lines.pop();
  for (const line of lines) {
    const [number, text] = line.split(" ");
    const connection = connections[number];
    if (!connection) continue;
    if (text) connection.write(Buffer.from(text, "hex"));
    else { delete connections[number]; connection.end(); }
  }
});
