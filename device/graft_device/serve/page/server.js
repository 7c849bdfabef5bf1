// Talks to the server: the token, the time that an answer takes, and reasons in words.

const KEY = 'graft-token';
let asking = null;

export class Problem extends Error {
  constructor(status, detail, wait = 0) {
    super(detail);
    this.status = status;
    this.wait = wait;
  }
}

/** The model card and the server's limits. */
export async function model() {
  return (await ask('v1/model', {})).content;
}

/** Has a photo named; resolves to {answer, total} with the milliseconds from here to there and back. */
export async function classify(photo, signal) {
  const type = photo.type.startsWith('image/') ? photo.type : 'application/octet-stream';
  const options = {method: 'POST', body: photo, headers: {'Content-Type': type}, signal};
  const {content, total} = await ask('v1/classify', options);
  return {answer: content, total};
}

async function ask(path, options) {
  for (let wrong = false; ; wrong = true) {
    const token = read();
    const headers = {...options.headers, ...(token ? {Authorization: `Bearer ${token}`} : {})};
    const start = performance.now();
    const response = await reach(path, {...options, headers});
    const content = await contents(response);
    if (response.ok) return {content, total: performance.now() - start};
    const problem = new Problem(
      response.status, content?.detail ?? `the server answered ${response.status}`, Number(response.headers.get('Retry-After')) || 0,
    );
    if (response.status !== 401) throw problem;
    if (token && token !== read()) continue; // another request has asked for a new one meanwhile
    asking ??= askForToken(wrong || Boolean(token)).finally(() => { asking = null; });
    if (!await asking) throw problem;
  }
}

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, 'the server does not answer: is it still running?');
  }
}

async function contents(response) {
  try {
    return await response.json();
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    return null;
  }
}

/** Opens the dialog; resolves to whether a token was given. */
function askForToken(again) {
  const [dialog, form, input] = ['dialog', 'token-form', 'token'].map((id) => document.getElementById(id));
  if (again) document.getElementById('dialog-text').textContent = 'That token is not the one that the server was started with.';
  input.value = '';
  dialog.showModal();
  return new Promise((resolve) => {
    form.onsubmit = (event) => {
      event.preventDefault();
      write(input.value.trim());
      dialog.close('given');
    };
    document.getElementById('cancel').onclick = () => dialog.close('');
    dialog.oncancel = () => { dialog.returnValue = ''; };
    dialog.onclose = () => resolve(dialog.returnValue === 'given');
  });
}

// Where a browser forbids storage, the token lasts as long as the page.
let held = '';

function read() {
  try {
    return sessionStorage.getItem(KEY) ?? held;
  } catch {
    return held;
  }
}

function write(token) {
  // A header takes no other letters, and fetch would fail on them with no good reason.
  held = token.replace(/[^\x21-\x7e]/g, '?');
  try {
    sessionStorage.setItem(KEY, held);
  } catch { /* held will do */ }
}
