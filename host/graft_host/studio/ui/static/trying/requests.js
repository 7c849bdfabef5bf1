// Requests of the page for trying: with a picture, and those that take seconds.

import {Problem, send} from '/static/requests.js';

/** The options of a request with a picture. */
export function picture(blob, signal) {
  const type = blob.type.startsWith('image/') ? blob.type : 'application/octet-stream';
  return {method: 'POST', body: blob, headers: {'Content-Type': type}, signal};
}

/** An address with values, none of which can break out of its place. */
export const address = (path, values) => `${path}?${new URLSearchParams(values)}`;

/** Sends a request that takes seconds; calls `progress(done, total)`, and resolves to the result. */
export async function sendLong(path, options, away, progress) {
  const response = await send(path, options, away);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const {value, done} = await reader.read();
    text += value ?? '';
    const lines = text.split('\n');
    text = lines.pop();
    for (const line of lines.map((one) => JSON.parse(one))) {
      if (line.progress) progress(...line.progress);
      if (line.problem) throw new Problem(400, line.problem);
      if ('result' in line) return line.result;
    }
    if (done) throw new Problem(0, away);
  }
}
