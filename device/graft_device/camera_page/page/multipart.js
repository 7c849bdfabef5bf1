// Reads a stream of pictures: multipart/x-mixed-replace, as cameras send it.

const HEAD_END = [13, 10, 13, 10];
const MOST = 32_000_000; // bytes of a part; more is no picture

/** Yields the parts of a response's body as {headers, body}; `headers` is a Map with names in small letters. */
export async function* parts(body) {
  const bytes = new Bytes(body.getReader());
  for (;;) {
    const head = await bytes.until(HEAD_END);
    if (head === null) return;
    const headers = parse(new TextDecoder().decode(head));
    const length = Number(headers.get('content-length'));
    if (!(length >= 0 && length <= MOST)) throw new Error('the picture has no length');
    const content = await bytes.take(length);
    if (content === null) return;
    yield {headers, body: content};
  }
}

function parse(text) {
  const pairs = text.split('\r\n').map((line) => line.match(/^([^:\s]+):\s*(.*)$/)).filter(Boolean);
  return new Map(pairs.map(([, name, value]) => [name.toLowerCase(), value]));
}

class Bytes {
  constructor(reader) {
    this.reader = reader;
    this.held = new Uint8Array();
  }

  /** The bytes up to a marker, which is removed; null at the end of the stream. */
  async until(marker) {
    for (let at = 0; ; at += 1) {
      if (!await this.more(at + marker.length)) return null;
      if (!marker.every((byte, index) => this.held[at + index] === byte)) continue;
      const found = this.held.slice(0, at);
      this.held = this.held.subarray(at + marker.length);
      return found;
    }
  }

  /** So many bytes; null if the stream ends before. */
  async take(count) {
    if (!await this.more(count)) return null;
    const taken = this.held.slice(0, count);
    this.held = this.held.subarray(count);
    return taken;
  }

  async more(count) {
    while (this.held.length < count) {
      const {value, done} = await this.reader.read();
      if (done) return false;
      const joined = new Uint8Array(this.held.length + value.length);
      joined.set(this.held);
      joined.set(value, this.held.length);
      this.held = joined;
    }
    return true;
  }
}
