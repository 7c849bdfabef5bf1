// Sends requests to the server: asks for the token, measures the time, and describes errors.

const KEY = 'graft-token';
let tokenDialog = null; // the open dialog, which all requests share

export class Problem extends Error {
  constructor(status, detail, wait = 0) {
    super(detail);
    this.status = status;
    this.wait = wait;
  }
}

/** The model card and the server's limits. */
export async function model() {
  return (await request('v1/model', {})).content;
}

/** One of the photos in the model file, as a file. */
export async function sample({number, label}) {
  const {content} = await request(`v1/sample?number=${number}`, {}, (response) => response.blob());
  return new File([content], label, {type: content.type});
}

/** Classifies a photo; resolves to {answer, total}, where `total` is the round trip in milliseconds. */
export async function classify(photo, signal) {
  const type = photo.type.startsWith('image/') ? photo.type : 'application/octet-stream';
  const options = {method: 'POST', body: photo, headers: {'Content-Type': type}, signal};
  const {content, total} = await request('v1/classify', options);
  return {answer: content, total};
}

/** Sends a request with the token; resolves to {content, total}: what `readContent` makes of the response, and milliseconds. */
export async function request(path, options, readContent = parse) {
  for (let wrong = false; ; wrong = true) {
    const token = read();
    const headers = {...options.headers, ...(token ? {Authorization: `Bearer ${token}`} : {})};
    const start = performance.now();
    const response = await send(path, {...options, headers});
    const content = await (response.ok ? readContent : parse)(response);
    if (response.ok) return {content, total: performance.now() - start};
    const problem = new Problem(
      response.status, content?.detail ?? `the server answered ${response.status}`, Number(response.headers.get('Retry-After')) || 0,
    );
    if (response.status !== 401) throw problem;
    if (token && token !== read()) continue; // meanwhile, another request has got a new token
    tokenDialog ??= askForToken(wrong || Boolean(token)).finally(() => { tokenDialog = null; });
    if (!await tokenDialog) throw problem;
  }
}

async function send(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, 'the server does not answer: is it still running?');
  }
}

async function parse(response) {
  try {
    return await response.json();
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    return null;
  }
}

/** Opens the dialog; resolves to whether the viewer entered a token. */
function askForToken(again) {
  const [dialog, form, input] = ['dialog', 'token-form', 'token'].map((id) => document.getElementById(id));
  if (again) document.getElementById('dialog-text').textContent = 'This is not the token that the server was started with.';
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

// If the browser forbids storage, the token is kept until the page is closed.
let held = '';

function read() {
  try {
    return sessionStorage.getItem(KEY) ?? held;
  } catch {
    return held;
  }
}

/** Whether requests are sent with a token, which links cannot do. */
export const hasToken = () => Boolean(read());

function write(token) {
  // A header allows no other characters, and fetch would reject them without a clear message.
  held = token.replace(/[^\x21-\x7e]/g, '?');
  try {
    sessionStorage.setItem(KEY, held);
  } catch { /* `held` is enough */ }
}
