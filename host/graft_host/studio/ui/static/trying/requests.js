// Requests to the studio. An error is a Problem, whose text can be shown.

export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** Sends a request; resolves to the response, or throws a Problem. */
export async function send(path, options, away) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, away);
  }
  if (response.ok) return response;
  const content = await response.json().catch(() => null);
  throw new Problem(response.status, content?.detail ?? `${away} (${response.status})`);
}

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
