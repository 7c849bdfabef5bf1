// Requests to the studio. An error is a Problem, whose text can be shown.

export class Problem extends Error {
  constructor(status, detail, remedy = '') {
    super(detail);
    this.status = status;
    this.remedy = remedy;
  }
}

/** Sends a request; resolves to the response, or throws a Problem, with the text `away` where nobody answers. */
export async function send(path, options, away = '') {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, away);
  }
  if (response.ok || response.status === 304) return response;
  const content = await response.json().catch(() => null);
  throw new Problem(response.status, content?.detail ?? `${away} (${response.status})`.trim(), content?.remedy);
}
